// Metrics: counters and histograms of finished records in Prometheus text, with the OpenTelemetry GenAI names.
//
// Who calls: observe/pipeline adds, the metrics endpoint reads. Thread: any; one mutex, taken once per batch.
// Limits: label sets per metric are bounded (kSeriesMax); further ones are counted under "other".
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "observe/record/record.h"

namespace sl::observe {

inline constexpr size_t kSeriesMax = 2'000;
// Models that have answered are told apart by name, this many, each this long at most; others are "unknown".
inline constexpr size_t kModelsMax = 200, kModelNameMax = 128;

class Metrics {
 public:
  void add(const std::vector<RecordPtr>& records);
  void count_ledger_skipped(uint64_t n);
  uint64_t ledger_skipped();
  std::string text();

  struct Histogram {
    std::vector<uint64_t> buckets;
    double sum = 0;
    uint64_t count = 0;
  };

 private:
  using Series = std::map<std::string, Histogram>;
  // Where a record of one kind is counted: found once per distinct set of labels, not once per record.
  struct Exchanges {
    uint64_t* requests = nullptr;
    Histogram* duration = nullptr;
  };
  struct ModelCalls {
    Histogram *duration = nullptr, *input = nullptr, *output = nullptr, *first_chunk = nullptr;
  };
  static Histogram& series(Series& all, const std::vector<double>& bounds, std::string labels);
  Exchanges exchanges_of(const Record& r);
  bool is_known(const std::string& model) const;
  ModelCalls model_calls_of(const Record& r, const std::string& error_type);
  void add_one(const Record& r);
  void add_exchange(const Record& r, double seconds);

  std::mutex mutex_;
  std::map<std::string, uint64_t> requests_;
  Series duration_, genai_duration_, tokens_, first_chunk_, agent_duration_, tool_duration_;
  // By the joined label values. Entries point into the maps above, whose elements never move or go.
  std::unordered_map<std::string, Exchanges> exchanges_;
  std::unordered_map<std::string, ModelCalls> model_calls_;
  std::unordered_set<std::string> models_;
  std::string key_;
  uint64_t ledger_skipped_ = 0;
};

}  // namespace sl::observe
