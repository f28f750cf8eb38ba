#include "resource/kagent/workload.h"

#include <set>

namespace sl::resource {

using json::Value;

void describe(json::Fields<LocalReference>& f) {
  f.add("name", &LocalReference::name).doc("Name, in this namespace.").defaults("");
}
void describe(json::Fields<ServiceAccountConfig>& f) {
  f.add("labels", &ServiceAccountConfig::labels).doc("Labels.");
  f.add("annotations", &ServiceAccountConfig::annotations).doc("Annotations.");
}

static void describe(json::Fields<SharedDeployment>& f) {
  f.add("replicas", &SharedDeployment::replicas).doc("How many pods.");
  f.add("imagePullSecrets", &SharedDeployment::image_pull_secrets).doc("Credentials of the registry.");
  f.add("volumes", &SharedDeployment::volumes).doc("Volumes.");
  f.add("volumeMounts", &SharedDeployment::volume_mounts).doc("Where they are mounted.");
  f.add("labels", &SharedDeployment::labels).doc("Labels of the pods.");
  f.add("annotations", &SharedDeployment::annotations).doc("Annotations of the pods.");
  f.add("deploymentAnnotations", &SharedDeployment::deployment_annotations).doc("Annotations of the Deployment.");
  f.add("env", &SharedDeployment::env).doc("Environment.");
  f.add("envFrom", &SharedDeployment::env_from).doc("Environment from ConfigMaps and Secrets.");
  f.add("imagePullPolicy", &SharedDeployment::image_pull_policy).doc("Always, IfNotPresent or Never.");
  f.add("resources", &SharedDeployment::resources).doc("Requests and limits.").object();
  f.add("tolerations", &SharedDeployment::tolerations).doc("Taints that are borne.");
  f.add("topologySpreadConstraints", &SharedDeployment::topology_spread).doc("How pods are spread.");
  f.add("affinity", &SharedDeployment::affinity).doc("Where pods like to be.").object();
  f.add("nodeSelector", &SharedDeployment::node_selector).doc("Labels of the nodes.");
  f.add("securityContext", &SharedDeployment::security_context).doc("Of the container.").object();
  f.add("podSecurityContext", &SharedDeployment::pod_security_context).doc("Of the pod.").object();
  f.add("serviceAccountName", &SharedDeployment::service_account_name).doc("An existing ServiceAccount.");
  f.add("serviceAccountConfig", &SharedDeployment::service_account_config).doc("For the ServiceAccount that is made.");
  f.add("extraContainers", &SharedDeployment::extra_containers)
      .doc("Containers beside the agent's.")
      .rule("the container name kagent is reserved",
            [](const Value& list, const Value*) {
              for (auto& c : list.get_array())
                if (json::str(c, "name") == "kagent") return false;
              return true;
            })
      .rule("container names must be unique", [](const Value& list, const Value*) {
        std::set<std::string_view> seen;
        for (auto& c : list.get_array())
          if (!seen.insert(json::str(c, "name")).second) return false;
        return true;
      });
  f.rule("serviceAccountName and serviceAccountConfig are mutually exclusive",
         [](const Value& s, const Value*) { return !has(s, "serviceAccountName") || !has(s, "serviceAccountConfig"); });
}
void describe(json::Fields<DeclarativeDeployment>& f) {
  f.include<SharedDeployment>();
  f.doc("Pod settings; no pod is made here.");
  f.add("imageRegistry", &DeclarativeDeployment::image_registry).doc("Registry of the runtime's image.");
}
void describe(json::Fields<ByoDeployment>& f) {
  f.include<SharedDeployment>();
  f.doc("Image and command of an agent of one's own.");
  f.add("image", &ByoDeployment::image).doc("Image; it serves A2A on port 8080.").min_length(1);
  f.add("cmd", &ByoDeployment::cmd).doc("Command.");
  f.add("args", &ByoDeployment::args).doc("Its arguments.");
  f.add("workingDir", &ByoDeployment::working_dir).doc("Where it runs.");
}

void describe(json::Fields<GitSkills>& f) {
  f.add("url", &GitSkills::url).doc("Repository, HTTPS or SSH.").required();
  f.add("ref", &GitSkills::ref).doc("Branch, tag or commit.").defaults("main");
  f.add("path", &GitSkills::path).doc("Folder in it.");
  f.add("name", &GitSkills::name).doc("Name of the skill.");
}
void describe(json::Fields<S3Skills>& f) {
  f.add("uri", &S3Skills::uri).doc("Prefix, or archive (.zip, .tgz, .tar.gz).").required().pattern("^s3://.+");
  f.add("region", &S3Skills::region).doc("Region.");
  f.add("name", &S3Skills::name).doc("Name of the skill.");
}
void describe(json::Fields<SkillsInit>& f) {
  f.add("resources", &SkillsInit::resources).doc("Requests and limits.").object();
  f.add("env", &SkillsInit::env).doc("Environment.");
}
void describe(json::Fields<SkillSources>& f) {
  f.doc("Where skills come from.");
  f.add("insecureSkipVerify", &SkillSources::insecure_skip_verify).doc("Registries without TLS. Never in production.");
  f.add("refs", &SkillSources::refs).doc("Images.").items(1, 20);
  f.add("imagePullSecrets", &SkillSources::image_pull_secrets).doc("Credentials of the registries.").items(0, 20);
  f.add("gitAuthSecretRef", &SkillSources::git_auth_secret).doc("Secret with `token` or `ssh-privatekey`.");
  f.add("gitRefs", &SkillSources::git_refs).doc("Git repositories.").items(1, 20);
  f.add("s3Refs", &SkillSources::s3_refs).doc("S3 objects.").items(1, 20);
  f.add("initContainer", &SkillSources::init_container).doc("Of the container that fetches them.");
  f.rule("at least one of the fields in [refs gitRefs s3Refs] must be set",
         [](const Value& s, const Value*) { return has(s, "refs") || has(s, "gitRefs") || has(s, "s3Refs"); });
}

void describe(json::Fields<SandboxNetwork>& f) {
  f.add("allowedDomains", &SandboxNetwork::allowed_domains)
      .doc("Domains it may reach, also *.example.com; none if empty.");
}
void describe(json::Fields<AgentSandbox>& f) {
  f.doc("Sandbox of executed code.");
  f.add("network", &AgentSandbox::network).doc("What it may reach.");
}
void describe(json::Fields<AllowedNamespaces>& f) {
  f.doc("Who may use this agent as a tool.");
  f.add("from", &AllowedNamespaces::from)
      .doc("All, Same or Selector.")
      .one_of({"All", "Same", "Selector"})
      .defaults("Same");
  f.add("selector", &AllowedNamespaces::selector).doc("Labels of the namespaces, for Selector.");
  f.rule("selector must be specified when from is Selector",
         [](const Value& s, const Value*) { return json::str(s, "from") != "Selector" || has(s, "selector"); });
}

void describe(json::Fields<AgentMemory>& f) {
  f.doc("Long-term memory.");
  f.add("modelConfig", &AgentMemory::model_config).doc("ModelConfig of the embedding model.").required();
  f.add("ttlDays", &AgentMemory::ttl_days).doc("How long an entry is kept; 15 when unset.").min(1);
}
void describe(json::Fields<Summarizer>& f) {
  f.add("modelConfig", &Summarizer::model_config).doc("ModelConfig; the agent's own when absent.");
  f.add("promptTemplate", &Summarizer::prompt_template).doc("What it is asked.");
}
void describe(json::Fields<Compaction>& f) {
  f.doc("Shortening of old events.");
  f.add("compactionInterval", &Compaction::interval).doc("New turns before one.").min(1).defaults(5);
  f.add("overlapSize", &Compaction::overlap_size).doc("Turns taken along from the one before.").min(0).defaults(2);
  f.add("summarizer", &Compaction::summarizer).doc("Makes a summary; without one old events are dropped.");
  f.add("tokenThreshold", &Compaction::token_threshold).doc("Prompt tokens before one.");
  f.add("eventRetentionSize", &Compaction::event_retention_size).doc("Latest events that stay.");
}
void describe(json::Fields<AgentContext>& f) {
  f.doc("Context management.");
  f.add("compaction", &AgentContext::compaction).doc("Shortening of old events.");
}

}  // namespace sl::resource
