#include "tests/property/case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/property/random.hpp"

namespace lockstep::property {

namespace {

std::vector<KindInfo> make_infos() {
  constexpr Shape kRows = Shape::rows;
  constexpr Shape kKeyed = Shape::keyed;
  constexpr Shape kNumbers = Shape::numbers;
  return {{"input", {}, kRows},
          {"append_only_input", {}, kRows},
          {"table", {}, kKeyed},
          {"filter", {kRows}, kRows},
          {"map", {kRows}, kRows},
          {"flat_map_vector", {kRows}, kRows},
          {"flat_map_array", {kRows}, kRows},
          {"flat_map_optional", {kRows}, kRows},
          {"negate", {kRows}, kRows},
          {"distinct", {kRows}, kRows},
          {"gather", {kRows}, kRows},
          {"inspect", {kRows}, kRows},
          {"delay", {kRows}, kRows},
          {"fused_chain", {kRows}, kRows},
          {"shared_chain", {kRows}, kRows},
          {"plus", {kRows, kRows}, kRows},
          {"minus", {kRows, kRows}, kRows},
          {"fused_plus_distinct", {kRows, kRows}, kRows},
          {"join_on_optional", {kRows, kRows}, kRows},
          {"fused_join", {kRows, kRows}, kRows},
          {"join_fields", {kRows, kRows}, kRows},
          {"left_join_on_optional", {kRows, kRows}, kRows},
          {"set_rows", {kRows, kRows}, kRows},
          {"group_count", {kRows}, kNumbers},
          {"group_min", {kRows}, kNumbers},
          {"fused_group", {kRows}, kNumbers},
          {"group_sums", {kRows}, kRows},
          {"group_mixed", {kRows}, kRows},
          {"group_maxima", {kRows}, kRows},
          {"group_averages", {kRows}, kRows},
          {"group_shared", {kRows}, kRows},
          {"aggregate_sums", {kRows}, kRows},
          {"aggregate_extremes", {kRows}, kRows},
          {"group_distinct", {kRows}, kRows},
          {"group_arg_min", {kRows}, kKeyed},
          {"index_by_member", {kRows}, kKeyed},
          {"index_by_function", {kRows}, kKeyed},
          {"fused_index", {kRows}, kKeyed},
          {"filter_keyed", {kKeyed}, kKeyed},
          {"negate_keyed", {kKeyed}, kKeyed},
          {"distinct_keyed", {kKeyed}, kKeyed},
          {"plus_keyed", {kKeyed, kKeyed}, kKeyed},
          {"minus_keyed", {kKeyed, kKeyed}, kKeyed},
          {"map_keyed", {kKeyed}, kRows},
          {"revalue_keyed", {kKeyed}, kKeyed},
          {"join_values", {kKeyed, kKeyed}, kKeyed},
          {"join_rows", {kKeyed, kKeyed}, kRows},
          {"self_join", {kKeyed}, kRows},
          {"fused_join_keyed", {kKeyed, kKeyed}, kRows},
          {"join_numbers_to_rows", {kKeyed, kNumbers}, kKeyed},
          {"left_join_rows", {kKeyed, kKeyed}, kKeyed},
          {"left_join_matching", {kKeyed, kKeyed}, kKeyed},
          {"full_join_rows", {kKeyed, kKeyed}, kRows},
          {"full_join_matching", {kKeyed, kNumbers}, kRows},
          {"semi_join_rows", {kKeyed, kNumbers}, kKeyed},
          {"anti_join_rows", {kKeyed, kKeyed}, kKeyed},
          {"anti_join_itself", {kKeyed}, kKeyed},
          {"set_keyed", {kKeyed, kKeyed}, kKeyed},
          {"group_keyed_sum", {kKeyed}, kNumbers},
          {"group_keyed_extremes", {kKeyed}, kRows},
          {"group_keyed_arg_max", {kKeyed}, kRows},
          {"index_numbers", {kRows}, kNumbers},
          {"filter_numbers", {kNumbers}, kNumbers},
          {"negate_numbers", {kNumbers}, kNumbers},
          {"distinct_numbers", {kNumbers}, kNumbers},
          {"plus_numbers", {kNumbers, kNumbers}, kNumbers},
          {"minus_numbers", {kNumbers, kNumbers}, kNumbers},
          {"map_numbers", {kNumbers}, kRows},
          {"revalue_numbers", {kNumbers}, kNumbers},
          {"join_numbers", {kNumbers, kNumbers}, kNumbers},
          {"join_numbers_with_key", {kNumbers, kNumbers}, kRows},
          {"right_join_numbers", {kNumbers, kNumbers}, kRows},
          {"full_join_numbers", {kNumbers, kNumbers}, kNumbers},
          {"semi_join_numbers", {kNumbers, kKeyed}, kNumbers},
          {"anti_join_matching", {kNumbers, kNumbers}, kNumbers},
          {"group_numbers_max", {kNumbers}, kNumbers},
          {"aggregate_numbers", {kNumbers}, kRows}};
}

std::string to_text(const Config& config) {
  std::string text = fmt::format("workers {}, threads {}", config.workers, config.threads);
  if (config.small_step_rows != 0)
    text += fmt::format(", steps of fewer than {} rows begun alone", config.small_step_rows);
  if (config.piece_rows != 0) text += fmt::format(", rows taken in pieces of {} and more", config.piece_rows);
  if (config.schedule) text += fmt::format(", simulated with seed {}", *config.schedule);
  const char* const styles[] = {"normal", "all equal", "all in one slot", "all of one tag", "seeded"};
  text += fmt::format(", hash {}", styles[static_cast<int>(config.hash.style)]);
  if (config.hash.style == HashStyle::seeded) text += fmt::format(" {:#x}", config.hash.seed);
  const char* const limits[] = {"default", "minimal", "small"};
  text += fmt::format(", {} limits", limits[static_cast<int>(config.limits)]);
  for (const auto& [step, workers] : config.saves)
    text += fmt::format(", saved after {} onto {} workers", step, workers);
  if (config.checkpoints) text += fmt::format(", with checkpoints by {}", *config.checkpoints);
  for (const auto& [step, until] : config.pins) text += fmt::format(", pinned after {} until {}", step, until);
  if (config.interleaving != 0) text += fmt::format(", interleaved by {}", config.interleaving);
  if (config.transactions) text += ", in transactions";
  if (config.batches) text += ", in batches";
  return text;
}

std::string to_text(const Push& push) {
  const char* const kinds[] = {"push", "insert", "upsert", "erase", "erase if present", "clear", "reject"};
  std::string text = fmt::format("op{} session {} {} ", push.input, push.session, kinds[static_cast<int>(push.kind)]);
  if (push.kind == Push::Kind::clear) return text;
  text += push.is_erase() ? fmt::format("k{}", push.row.k.id) : to_text(push.row);
  if (push.kind == Push::Kind::row) text += fmt::format(" {:+}", push.weight);
  return text;
}

}  // namespace

const KindInfo& info(Kind kind) {
  static const std::vector<KindInfo> infos = make_infos();
  return infos.at(static_cast<std::size_t>(kind));
}

bool is_input(Kind kind) { return kind <= Kind::table; }

History recut(const History& history, const std::vector<std::size_t>& sizes) {
  History result(1);
  std::size_t next = 0;
  for (const StepPushes& step : history) {
    for (const Push& push : step) {
      if (result.back().size() >= sizes[next % sizes.size()]) {
        result.emplace_back();
        ++next;
      }
      result.back().push_back(push);
    }
  }
  return result;
}

std::vector<OpSpec> before_growth(const std::vector<OpSpec>& flow, const Growth& growth) {
  Random random(growth.seed);
  std::set<int> left_out;
  std::vector<OpSpec> result;
  for (const OpSpec& op : flow) {
    const bool reads_none = std::any_of(op.in.begin(), op.in.end(), [&](int in) { return left_out.contains(in); });
    if (!is_input(op.kind) && (reads_none || random.chance(15))) {
      left_out.insert(op.id);
    } else {
      result.push_back(op);
      if (random.chance(20)) result.back().shown = Shown::no;
    }
  }
  return result;
}

bool relational(const Case& one) {
  if (std::any_of(one.flow.begin(), one.flow.end(), [](const OpSpec& op) { return op.kind == Kind::delay; })) {
    return false;
  }
  std::map<int, Kind> kinds;
  for (const OpSpec& op : one.flow) kinds[op.id] = op.kind;
  std::map<std::pair<int, std::int64_t>, std::uint64_t> writers;
  for (const StepPushes& step : one.history) {
    for (const Push& push : step) {
      if (kinds[push.input] != Kind::table || push.kind == Push::Kind::reject) continue;
      const auto [at, first] = writers.try_emplace({push.input, push.row.k.id}, push.session);
      if (at->second != push.session) return false;
    }
  }
  return true;
}

std::string to_text(const Rec& row) {
  return fmt::format("{{k{} v{} o{} x{}{}{}}}", row.k.id, row.v, row.o ? std::to_string(*row.o) : "-", row.x,
                     row.s.empty() ? "" : " ", row.s);
}

std::string to_text(const Case& one) {
  std::string text = "flow\n";
  for (const OpSpec& op : one.flow) {
    text += fmt::format("  op{} = {}", op.id, info(op.kind).name);
    if (!op.in.empty()) text += fmt::format("(op{})", fmt::join(op.in, ", op"));
    if (!is_input(op.kind)) text += fmt::format(", choice {}", op.choice);
    if (op.shown != Shown::no) text += op.shown == Shown::contents ? "; output, accumulated" : "; output";
    text += "\n";
  }
  text += "history\n";
  for (std::size_t i = 0; i < one.history.size(); ++i) {
    text += fmt::format("  step {}\n", i + 1);
    for (std::size_t j = 0; j < one.history[i].size(); ++j) {
      if (j == 60) {
        text += fmt::format("    … {} more\n", one.history[i].size() - j);
        break;
      }
      text += "    " + to_text(one.history[i][j]) + "\n";
    }
  }
  text += "run with " + to_text(one.config) + "\n";
  if (one.growth) {
    text += fmt::format("after step {}, on {} workers, grown from:", one.growth->after, one.growth->workers);
    for (const OpSpec& op : before_growth(one.flow, *one.growth)) {
      text += fmt::format(" op{}{}", op.id, op.shown == Shown::no ? "" : "; output");
    }
    text += "\n";
  }
  if (one.other) text += "and with " + to_text(*one.other) + "\n";
  if (one.cut) text += fmt::format("and cut into steps of {} pushes in turn\n", fmt::join(*one.cut, ", "));
  return text;
}

}  // namespace lockstep::property
