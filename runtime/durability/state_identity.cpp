#include "runtime/durability/state_identity.hpp"

#include "runtime/flow/names.hpp"
#include "runtime/rows/codec.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

StateIdentity StateIdentity::of(const OperatorInfo& info, const Description& flow) {
  Lineage lineage(flow);
  return of(info, lineage);
}

StateIdentity StateIdentity::of(const OperatorInfo& info, Lineage& lineage) {
  StateIdentity identity{
      .what = info.kind + ", " + info.state, .form = info.form, .reads = lineage.reads(info), .functions = {}};
  if (info.gives.empty() && !info.detail.empty()) identity.what += ", " + info.detail;
  if (info.schema && (!info.form || is_opaque(*info.form))) identity.what += ", giving " + info.schema->to_string();
  for (Lineage::Function& one : lineage.functions(info)) {
    if (is_derived(one.name, one.kind)) one.name.clear();
    identity.functions.push_back({std::move(one.kind), std::move(one.version), one.times, std::move(one.name)});
  }
  return identity;
}

std::string StateIdentity::to_string() const { return form ? what + ", of " + form->to_string() : what; }

void StateIdentity::encode(Encoder& out) const {
  out.bytes(what);
  out.byte(form.has_value());
  if (form) lockstep::encode(out, *form);
  out.bytes(reads);
  out.varint(functions.size());
  for (const Function& one : functions) {
    out.bytes(one.kind);
    out.bytes(one.version);
    out.varint(one.times);
    out.bytes(one.name);
  }
}

StateIdentity StateIdentity::decode(Decoder& in) {
  StateIdentity identity;
  identity.what = in.bytes();
  if (derived::decode_flag(in)) identity.form = decode_schema(in);
  identity.reads = in.bytes();
  for (std::uint64_t functions = in.varint(); functions != 0; --functions) {
    std::string kind(in.bytes());
    std::string version(in.bytes());
    const std::uint64_t times = in.varint();
    identity.functions.push_back({std::move(kind), std::move(version), times, std::string(in.bytes())});
  }
  return identity;
}

bool operator==(const StateIdentity& a, const StateIdentity& b) {
  return a.what == b.what && a.form == b.form && a.reads == b.reads && a.functions == b.functions;
}

bool operator==(const StateIdentity::Function& a, const StateIdentity::Function& b) {
  return a.kind == b.kind && a.version == b.version && a.times == b.times;
}

}  // namespace lockstep
