#include "runtime/flow/dataflow.hpp"

namespace lockstep {

Dataflow::Dataflow() : description_(std::make_shared<Description>()) {}

std::string Dataflow::mermaid() const { return description_->mermaid(); }
std::string Dataflow::dot() const { return description_->dot(); }
std::string Dataflow::explain() const { return description_->explain(); }

}  // namespace lockstep
