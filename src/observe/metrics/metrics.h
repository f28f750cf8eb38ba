// Metrics: counters and histograms of finished records in Prometheus text, with the OpenTelemetry GenAI names.
//
// Who calls: observe/pipeline adds, the metrics endpoint reads. Thread: any; one mutex, taken once per batch.
// Limits: label sets per metric are bounded (kSeriesMax); further ones are counted under "other".
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "observe/record/record.h"

namespace sl::observe {

inline constexpr size_t kSeriesMax = 2'000;

class Metrics {
 public:
  void add(const std::vector<Record>& records);
  void count_ledger_skipped(uint64_t n);
  std::string text();

 private:
  struct Histogram {
    std::vector<uint64_t> buckets;
    double sum = 0;
    uint64_t count = 0;
  };
  using Series = std::map<std::string, Histogram>;
  void observe(Series& series, const std::vector<double>& bounds, std::string labels, double value);
  void add_one(const Record& r);

  std::mutex mutex_;
  std::map<std::string, uint64_t> requests_;
  Series duration_, genai_duration_, tokens_, first_chunk_, agent_duration_, tool_duration_;
  uint64_t ledger_skipped_ = 0;
};

}  // namespace sl::observe
