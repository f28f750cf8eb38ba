#include "resource/kind/kind.h"

namespace sl::resource {

void describe(json::Fields<Condition>& f) {
  f.doc("One aspect of the state of this object.");
  f.add("type", &Condition::type)
      .doc("What the condition is about.")
      .required()
      .length(1, 316)
      .pattern(
          "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/"
          ")?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$");
  f.add("status", &Condition::status).doc("True, False or Unknown.").required().one_of({"True", "False", "Unknown"});
  f.add("observedGeneration", &Condition::observed_generation)
      .doc("The metadata.generation this was found for.")
      .min(0);
  f.add("lastTransitionTime", &Condition::last_transition)
      .doc("When status last changed.")
      .required()
      .format("date-time");
  f.add("reason", &Condition::reason)
      .doc("Machine-readable reason in CamelCase.")
      .required()
      .length(1, 1024)
      .pattern("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
  f.add("message", &Condition::message).doc("Reason in words.").required().length(0, 32768);
}

void describe(json::Fields<LabelSelectorRequirement>& f) {
  f.add("key", &LabelSelectorRequirement::key).doc("Label key.").required();
  f.add("operator", &LabelSelectorRequirement::op).doc("In, NotIn, Exists or DoesNotExist.").required();
  f.add("values", &LabelSelectorRequirement::values).doc("Values for In and NotIn.");
}

void describe(json::Fields<LabelSelectorSpec>& f) {
  f.doc("Selects objects by their labels; both parts must hold.");
  f.atomic();
  f.add("matchLabels", &LabelSelectorSpec::match_labels).doc("Labels that must have these values.");
  f.add("matchExpressions", &LabelSelectorSpec::match_expressions).doc("Expressions that must hold.");
}

}  // namespace sl::resource
