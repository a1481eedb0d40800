// SPDX-License-Identifier: Apache-2.0
//
// bench_capture [--rounds N] [--processes N]: milliseconds by which a capture
// holds back the response of a container with so many processes, each with some
// files open, and until it is written.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "oci/sys/cgroup.h"
#include "oci/sys/files.h"
#include "sidecar/evidence/captures.h"
#include "tests/bench/measure.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;
using test::now_ms;

// When a step was made, as the summary says.
double step_of(const std::string& summary, const std::string& name) {
  const std::string mark = "\"" + name + "\",\"us\":";
  const std::size_t at = summary.find(mark);
  if (at == std::string::npos) return 0;
  return ::atof(summary.c_str() + at + mark.size()) / 1000;
}

// A shell that holds some files, in the cgroup, until it is killed.
pid_t contained(const std::string& cgroup) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const UniqueFd procs(
      ::open((cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!write_all(procs.get(), "cgroup.procs", "0")) ::_exit(1);
  for (int i = 0; i < 20; ++i)
    static_cast<void>(::open("/etc/passwd", O_RDONLY));
  ::execl("/bin/sleep", "sleep", "1000", nullptr);
  ::_exit(1);
}

int run(int rounds, int processes) {
  const Result<CgroupMount> mount = CgroupMount::find();
  if (!mount) return 1;
  const std::string relative = "/bailiff-bench-" + std::to_string(::getpid());
  const std::string path = mount->path + relative;
  std::string state = "/tmp/bailiff-bench-XXXXXX";
  if (::mkdir(path.c_str(), 0755) != 0 || ::mkdtemp(state.data()) == nullptr) {
    ::perror("bench_capture");
    return 1;
  }
  for (int i = 0; i < processes; ++i) contained(path);
  const Result<Cgroup> cgroup = Cgroup::open(*mount, relative);
  const auto folder = EvidenceFolder::open(state, {.keep_bytes = 1});
  int status = 1;
  if (cgroup && folder) {
    const auto captures =
        Captures::start({.run_dir = state,
                         .node = "bench",
                         .limit = std::chrono::seconds(10),
                         .open_cgroup =
                             [&](const oci::ContainerRecord&) {
                               return Cgroup::open(*mount, relative);
                             }},
                        **folder);
    std::vector<double> frozen;
    std::vector<double> collected;
    std::vector<double> responded;
    std::vector<double> written;
    for (int i = 0; captures && i < rounds; ++i) {
      CaptureRequest request;
      request.record.id = "bench";
      request.record.cgroup_path = path;
      request.record.cgroup_id = cgroup->id();
      const double begin = now_ms();
      double response = 0;
      const std::string id = (*captures)->begin(
          std::move(request),
          [&](const std::string&) { response = now_ms() - begin; },
          Captures::Leaves::kNothing, Captures::When::kAnyway);
      static_cast<void>(
          (*captures)->wait(id, steady_clock::now() + std::chrono::minutes(1)));
      const Result<std::string> summary = (*folder)->summary(id);
      if (!summary) break;
      frozen.push_back(step_of(*summary, "frozen"));
      collected.push_back(step_of(*summary, "collected") - frozen.back());
      responded.push_back(response);
      written.push_back(now_ms() - begin);
    }
    if (!responded.empty()) {
      ::printf("a container of %d processes\n", processes);
      test::print_head("ms");
      test::print_row("its processes to freeze", frozen);
      test::print_row("to collect", collected);
      test::print_row("until the response", responded, "250");
      test::print_row("until it is written", written);
      status = 0;
    }
  }
  if (cgroup) static_cast<void>(cgroup->kill());
  while (::wait(nullptr) > 0) {
  }
  ::rmdir(path.c_str());
  ::rmdir((state + "/frozen").c_str());
  const std::string clean = "rm -r " + state;
  return ::system(clean.c_str()) == 0 ? status : 1;
}

}  // namespace
}  // namespace bailiff::sidecar

int main(int argc, char** argv) {
  int rounds = 20;
  int processes = 100;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (::strcmp(argv[i], "--rounds") == 0) rounds = ::atoi(argv[i + 1]);
    if (::strcmp(argv[i], "--processes") == 0) processes = ::atoi(argv[i + 1]);
  }
  return bailiff::sidecar::run(rounds, processes);
}
