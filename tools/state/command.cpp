#include "tools/state/command.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/store/checkpoint_store.hpp"
#include "runtime/rows/schema_coding.hpp"
#include "tools/terminal.hpp"

namespace lockstep::state {

namespace {

using terminal::grouped;

struct Options {
  std::string directory;
  bool verify = false;
  std::string export_to;
};

std::string time_text(std::int64_t milliseconds) {
  const std::chrono::system_clock::time_point time{std::chrono::milliseconds(milliseconds)};
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

struct Verified {
  std::uint64_t records = 0;
  std::uint64_t items = 0;
};

/// Reads all records, and decodes their items but for those of rows that have a coding of their own. Throws
/// CheckpointError.
Verified verify(const CheckpointStore& store, const Manifest& manifest) {
  Verified found;
  for (const Manifest::Operator& op : manifest.operators) {
    const auto& form = op.identity.form;
    const bool is_told = form && !is_opaque(*form);
    store.read(op, {}, [&](unsigned slot, std::string_view bytes) {
      ++found.records;
      try {
        for (Decoder in(bytes); is_told && !in.at_end(); ++found.items) skip_row(*form, in);
      } catch (const DecodeError& error) {
        throw UnreadableCheckpoint(fmt::format("slot {} of operator '{}': {}", slot, op.name, error.what()));
      }
    });
  }
  return found;
}

void show_operators(const Manifest& manifest) {
  std::size_t width = 8;
  for (const Manifest::Operator& op : manifest.operators) width = std::max(width, op.name.size());
  fmt::print("  {:<{}}  {:>13}  {:>15}\n", "operator", width, "items", "bytes");
  for (const Manifest::Operator& op : manifest.operators) {
    fmt::print("  {:<{}}  {:>13}  {:>15}\n", op.name, width, grouped(op.items), grouped(op.bytes()));
  }
}

int run(const Options& options) {
  try {
    const CheckpointStore store(options.directory, CheckpointStore::Access::reader, false);
    if (store.manifests().empty()) {
      terminal::complain(fmt::format("there are no checkpoints in {}", options.directory).c_str());
      return 2;
    }
    const Manifest& newest = store.manifests().front();
    if (!newest.application.empty()) fmt::print("application {}\n", newest.application);
    fmt::print("written by lockstep {}, build {}, on {} workers\n\n", newest.library,
               newest.build_id.empty() ? "unknown" : newest.build_id, newest.workers);
    int damaged = 0;
    for (const Manifest& manifest : store.manifests()) {
      fmt::print("checkpoint {}: step {}, {}, {} bytes", manifest.number, grouped(manifest.step),
                 time_text(manifest.taken_at), grouped(manifest.bytes()));
      if (options.verify) {
        try {
          const Verified found = verify(store, manifest);
          fmt::print(", {} records and {} items verified", grouped(found.records), grouped(found.items));
        } catch (const CheckpointError& error) {
          fmt::print(", DAMAGED: {}", error.what());
          damaged = 1;
        }
      }
      fmt::print("\n");
    }
    fmt::print("\n");
    show_operators(newest);
    if (!options.export_to.empty()) {
      store.export_newest(options.export_to);
      fmt::print("\ncheckpoint {} is in {} now\n", newest.number, options.export_to);
    }
    return damaged;
  } catch (const NoCheckpoint& error) {
    terminal::complain(error.what());
    return 2;
  } catch (const CheckpointError& error) {
    terminal::complain(error.what());
    return 1;
  }
}

}  // namespace

void add_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* state = app.add_subcommand("state", "Shows what checkpoints a directory has, also while a program uses it");
  state->add_option("directory", options->directory, "The directory of checkpoints")->required();
  state->add_flag("--verify", options->verify, "Reads all records, compares their checksums, and decodes them");
  state->add_option("--export", options->export_to, "Writes the newest checkpoint into this directory, as a backup");
  state->footer("The exit code is 0 if all is well, 1 if something is damaged, 2 if there are no checkpoints.");
  state->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace lockstep::state
