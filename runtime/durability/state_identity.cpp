#include "runtime/durability/state_identity.hpp"

#include <set>

#include "runtime/rows/codec.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

namespace {

/// Calls function(part) with the operator, and with all before it up to those whose state stands between.
template <class Function>
class PartsBehind {
 public:
  PartsBehind(const Description& flow, Function& function) : flow_(flow), function_(function) {}

  void visit(const OperatorInfo& info) {
    if (!visited_.insert(info.id).second) return;
    for (const EdgeId in : info.inputs) {
      const OperatorInfo& before = flow_.operators[flow_.edges[in].producer];
      if (before.state.empty()) visit(before);
    }
    for (const FusedPart& part : info.fused) function_(part);
    function_(info);
  }

 private:
  const Description& flow_;
  Function& function_;
  std::set<OperatorId> visited_;
};

}  // namespace

StateIdentity StateIdentity::of(const OperatorInfo& info, const Description& flow) {
  StateIdentity identity{.what = info.kind + ", " + info.state, .form = info.form, .versions = {}};
  if (info.schema && (!info.form || is_opaque(*info.form))) identity.what += ", giving " + info.schema->to_string();
  const auto add_version = [&text = identity.versions](const auto& part) {
    if (part.version.empty()) return;
    if (!text.empty()) text += ", ";
    text += "version " + part.version + " of " + part.name;
  };
  PartsBehind(flow, add_version).visit(info);
  return identity;
}

std::string StateIdentity::to_string() const { return form ? what + ", of " + form->to_string() : what; }

void StateIdentity::encode(Encoder& out) const {
  out.bytes(what);
  out.byte(form.has_value());
  if (form) lockstep::encode(out, *form);
  out.bytes(versions);
}

StateIdentity StateIdentity::decode(Decoder& in) {
  StateIdentity identity;
  identity.what = in.bytes();
  if (derived::decode_flag(in)) identity.form = decode_schema(in);
  identity.versions = in.bytes();
  return identity;
}

bool operator==(const StateIdentity& a, const StateIdentity& b) {
  return a.what == b.what && a.form == b.form && a.versions == b.versions;
}

std::vector<std::string> without_version(const OperatorInfo& info, const Description& flow) {
  std::vector<std::string> names;
  const auto note = [&names](const auto& part) {
    if (part.runs_user_code && part.version.empty()) names.push_back(part.name);
  };
  PartsBehind(flow, note).visit(info);
  return names;
}

}  // namespace lockstep
