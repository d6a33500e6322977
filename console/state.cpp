#include "console/state.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console/terminal.hpp"
#include "runtime/clock/durability.hpp"
#include "runtime/durability/borders.hpp"
#include "runtime/durability/store/checkpoint_store.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep::state {

namespace {

using terminal::grouped;

struct Options {
  std::string directory;
  bool verify = false;
  std::string export_to;
  std::optional<std::uint64_t> step;
  std::optional<std::uint64_t> checkpoint;
};

constexpr std::size_t kSessionsShown = 20;

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
  fmt::print("\nits operators, how many rows, groups or keys they keep, about, and the bytes of their records\n");
  for (const Manifest::Operator& op : manifest.operators) {
    fmt::print("  {:<{}}  {:>13}  {:>15}\n", op.name, width, grouped(op.items), grouped(op.bytes()));
  }
}

void show_positions(const Positions& positions) {
  fmt::print("\nits inputs, and how many rows of each session have been stepped, up to which cursor and event time\n");
  std::size_t width = 8;
  for (const Positions::Input& input : positions.inputs) width = std::max(width, input.name.size());
  const auto point = [](const char* what, Timestamp timestamp) {
    return timestamp == kNoTimestamp ? std::string() : fmt::format("  {} {}", what, timestamp);
  };
  for (std::size_t i = 0; i < positions.inputs.size(); ++i) {
    const Positions::Input& input = positions.inputs[i];
    if (input.watermark != kNoTimestamp)
      fmt::print("  {:<{}}{}\n", input.name, width, point("watermark", input.watermark));
    std::size_t shown = 0;
    std::size_t more = 0;
    for (const auto& [session, of_session] : positions.sessions) {
      const Positions::OfInput& of = of_session.inputs[i];
      if (of.rows == 0 && !of.active) continue;
      if (shown == kSessionsShown) {
        ++more;
        continue;
      }
      ++shown;
      fmt::print("  {:<{}}  session {:>8}{}  {:>15}{}{}{}\n", input.name, width, session,
                 of_session.name.empty() ? "" : fmt::format(" ({})", of_session.name), grouped(of.rows),
                 of_session.cursor ? "  cursor " + grouped(of_session.cursor->at) : "", point("latest", of.latest),
                 input.watermark != kNoTimestamp && !of.active ? "  idle" : "");
    }
    if (shown == 0) fmt::print("  {:<{}}  none\n", input.name, width);
    if (more != 0) fmt::print("  {:<{}}  and {} sessions more\n", input.name, width, grouped(more));
  }
}

/// Throws NoCheckpoint.
const Manifest& chosen(const CheckpointStore& store, const Options& options) {
  const std::vector<Manifest>& manifests = store.manifests();
  if (manifests.empty()) throw NoCheckpoint(fmt::format("there are no checkpoints in {}", options.directory));
  const auto is_it = [&](const Manifest& manifest) {
    return manifest.step == options.step.value_or(manifest.step) &&
           manifest.number == options.checkpoint.value_or(manifest.number);
  };
  const auto found = std::find_if(manifests.begin(), manifests.end(), is_it);
  if (found == manifests.end()) {
    throw NoCheckpoint(fmt::format("there is no checkpoint {}{} in {}",
                                   options.checkpoint ? std::to_string(*options.checkpoint) : "",
                                   options.step ? fmt::format("of step {}", *options.step) : "", options.directory));
  }
  if (options.step && std::find_if(found + 1, manifests.end(), is_it) != manifests.end()) {
    throw NoCheckpoint(fmt::format("there are several checkpoints of step {} in {}: say which with --checkpoint",
                                   *options.step, options.directory));
  }
  return *found;
}

int export_one(const CheckpointStore& store, const Options& options, const Manifest& one) {
  try {
    store.export_to(options.export_to, one);
  } catch (const UnreadableCheckpoint&) {
    throw;
  } catch (const CheckpointError& error) {
    terminal::complain(error.what());
    return 3;
  }
  fmt::print("\ncheckpoint {} is in {} now\n", one.number, options.export_to);
  return 0;
}

int run(const Options& options) {
  try {
    const CheckpointStore store(options.directory, CheckpointStore::Access::reader, false);
    const Manifest& one = chosen(store, options);
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
    fmt::print("\ncheckpoint {}: {}written by lockstep {}, build {}, on {} workers\n", one.number,
               one.application.empty() ? "" : fmt::format("of application {}, ", one.application), one.library,
               one.build_id.empty() ? "unknown" : one.build_id, one.workers);
    show_positions(Borders::decode(one.borders).positions);
    show_operators(one);
    return options.export_to.empty() ? damaged : std::max(damaged, export_one(store, options, one));
  } catch (const NoCheckpoint& error) {
    terminal::complain(error.what());
    return 2;
  } catch (const CheckpointError& error) {
    terminal::complain(error.what());
    return 1;
  } catch (const DecodeError& error) {
    terminal::complain(fmt::format("a manifest in {} is not readable: {}", options.directory, error.what()).c_str());
    return 1;
  }
}

}  // namespace

void add_command(CLI::App& app, int& exit_code, Directory directory) {
  const auto options = std::make_shared<Options>();
  CLI::App* state = app.add_subcommand("state", "Shows what checkpoints a directory has, also while a program uses it");
  CLI::Option* const where = state->add_option(directory == Directory::argument ? "directory" : "--state",
                                               options->directory, "The directory of checkpoints");
  where->required();
  if (directory == Directory::option) where->envname("LOCKSTEP_STATE");
  state->add_flag("--verify", options->verify, "Reads all records, compares their checksums, and decodes them");
  state->add_option("--step", options->step, "Of the checkpoint of this step, instead of the newest")
      ->check(CLI::NonNegativeNumber);
  state->add_option("--checkpoint", options->checkpoint, "Of the checkpoint with this number")
      ->check(CLI::NonNegativeNumber);
  state->add_option("--export", options->export_to,
                    "Writes the checkpoint into this directory, as a backup; a program may go on from there");
  state->footer(
      "The exit code is 0 if all is well, 1 if something is damaged, 2 if there is no such checkpoint, 3 if it cannot "
      "be "
      "exported.");
  state->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace lockstep::state
