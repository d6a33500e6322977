#include "runtime/durability/state_identity.hpp"

#include "runtime/rows/codec.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

StateIdentity StateIdentity::of(const OperatorInfo& info, const Description& flow) {
  Lineage lineage(flow);
  return of(info, lineage);
}

StateIdentity StateIdentity::of(const OperatorInfo& info, Lineage& lineage) {
  StateIdentity identity{.what = info.kind + ", " + info.state,
                         .form = info.form,
                         .reads = lineage.reads(info),
                         .functions = lineage.functions(info)};
  if (info.gives.empty() && !info.detail.empty()) identity.what += ", " + info.detail;
  if (info.schema && (!info.form || is_opaque(*info.form))) identity.what += ", giving " + info.schema->to_string();
  return identity;
}

std::string StateIdentity::to_string() const { return form ? what + ", of " + form->to_string() : what; }

void StateIdentity::encode(Encoder& out) const {
  out.bytes(what);
  out.byte(form.has_value());
  if (form) lockstep::encode(out, *form);
  out.bytes(reads);
  lockstep::encode(out, functions);
}

StateIdentity StateIdentity::decode(Decoder& in) {
  StateIdentity identity;
  identity.what = in.bytes();
  if (derived::decode_flag(in)) identity.form = decode_schema(in);
  identity.reads = in.bytes();
  identity.functions = decode_functions(in);
  return identity;
}

bool operator==(const StateIdentity& a, const StateIdentity& b) {
  return a.what == b.what && a.form == b.form && a.reads == b.reads && are_the_same(a.functions, b.functions);
}

}  // namespace lockstep
