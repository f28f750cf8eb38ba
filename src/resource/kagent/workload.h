// What an Agent asks of the pod it has upstream, of its skills, memory and context. Kept and validated; in this program
// agents run in process.
// Who calls: kagent.h. Thread: plain values. Source: kagent.dev/v1alpha2 Agent.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

using PodPart = json::Value;  // of the pod API: as it is

struct LocalReference {
  std::string name;
};
struct ServiceAccountConfig {
  std::map<std::string, std::string> labels, annotations;
};
struct SharedDeployment {
  std::optional<int32_t> replicas;
  std::vector<LocalReference> image_pull_secrets;
  std::vector<PodPart> volumes, volume_mounts, env, env_from, tolerations, topology_spread, extra_containers;
  std::map<std::string, std::string> labels, annotations, deployment_annotations, node_selector;
  std::string image_pull_policy;
  PodPart resources, affinity, security_context, pod_security_context;
  std::optional<std::string> service_account_name;
  std::optional<ServiceAccountConfig> service_account_config;
};
struct DeclarativeDeployment : SharedDeployment {
  std::string image_registry;
};
struct ByoDeployment : SharedDeployment {
  std::optional<std::string> image, cmd, working_dir;
  std::vector<std::string> args;
};

struct GitSkills {
  std::string url, ref, path, name;
};
struct S3Skills {
  std::string uri, region, name;
};
struct SkillsInit {
  PodPart resources;
  std::vector<PodPart> env;
};
struct SkillSources {
  bool insecure_skip_verify = false;
  std::vector<std::string> refs;
  std::vector<LocalReference> image_pull_secrets;
  std::optional<LocalReference> git_auth_secret;
  std::vector<GitSkills> git_refs;
  std::vector<S3Skills> s3_refs;
  std::optional<SkillsInit> init_container;
};

struct SandboxNetwork {
  std::vector<std::string> allowed_domains;
};
struct AgentSandbox {
  std::optional<SandboxNetwork> network;
};
struct AllowedNamespaces {
  std::string from;
  std::optional<LabelSelectorSpec> selector;
};

struct AgentMemory {
  std::string model_config;
  std::optional<int32_t> ttl_days;
};
struct Summarizer {
  std::string model_config, prompt_template;
};
struct Compaction {
  std::optional<int32_t> interval, overlap_size, token_threshold, event_retention_size;
  std::optional<Summarizer> summarizer;
};
struct AgentContext {
  std::optional<Compaction> compaction;
};

void describe(json::Fields<DeclarativeDeployment>& f);
void describe(json::Fields<ByoDeployment>& f);
void describe(json::Fields<SkillSources>& f);
void describe(json::Fields<AgentSandbox>& f);
void describe(json::Fields<AllowedNamespaces>& f);
void describe(json::Fields<AgentMemory>& f);
void describe(json::Fields<AgentContext>& f);

}  // namespace sl::resource
