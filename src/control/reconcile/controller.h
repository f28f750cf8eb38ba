// Controller: keeps RouteSpec, agents, statuses and the synthetic objects in step with the resources.
//
// Level-triggered: any change of a watched kind queues a reconcile that looks at everything as it is now, so missed
// or doubled events cannot matter. Who calls: app/up. Thread: its own; the callbacks run on it.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "control/reconcile/work_queue.h"
#include "control/translate/translate.h"

namespace sl::control {

struct PublishOutcome {
  bool live = false;                                // the data plane has it; if not, it is handed over again
  std::map<std::string, std::string> failed_binds;  // "IP:PORT" -> why
};

struct ControllerOptions {
  std::string listen_host = "127.0.0.1";
  std::vector<std::string> local_addresses;
  std::string ui_address;  // "IP:PORT" of the page and REST, for the synthetic Service
  // Hands the configuration to the data plane and returns when every worker has it.
  std::function<PublishOutcome(const route::RouteSpec&)> publish;
  std::function<void(std::vector<route::AgentSpec>)> set_agents;
  std::function<void()> reconciled;  // after each round: endpoints.json and the like
};

class Controller {
 public:
  Controller(kube::Api& api, ControllerOptions options, Log log);
  ~Controller();

  // Makes the standard namespaces and classes, reconciles once, then follows changes.
  Result<void> start();
  void stop();
  void wait_idle() { queue_.wait_idle(); }

 private:
  Result<void> make_defaults();
  bool wrote_status(const kube::Change& change);  // is it what we wrote last?
  void run();
  void reconcile();
  void write_statuses(const ResourceIndex& index, const Translation& translation);
  void log_conditions(const kube::ResourceType& type, const std::string& name, const std::string& before,
                      const std::string& now);
  // Returns, by Gateway, what could not be made.
  std::map<std::string, std::string> sync_objects(const ResourceIndex& index, const route::RouteSpec& routes,
                                                  const TranslateOptions& options);

  kube::Api& api_;
  ControllerOptions options_;
  Log log_;
  WorkQueue queue_;
  uint64_t watch_ = 0;
  std::string last_routes_, last_problems_;
  std::map<std::string, std::string> failed_binds_, object_problems_;
  bool retry_ = false;        // something could not be written or published: again soon, whatever else happens
  std::mutex written_mutex_;  // changes are told on whichever thread writes
  std::map<std::string, json::Value> written_;  // statuses, by resource and name
  std::thread thread_;
};

}  // namespace sl::control
