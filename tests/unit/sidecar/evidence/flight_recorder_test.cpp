// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/flight_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines(const FlightRecorder& flight,
                               std::uint64_t cgroup) {
  std::vector<std::string> lines;
  for (const EventLine& line : flight.events(cgroup)) lines.push_back(line());
  return lines;
}

EventLine saying(const std::string& text) {
  return [text] { return text; };
}

TEST(FlightRecorder, KeepsEachContainersLastEvents) {
  FlightRecorder flight;
  flight.keep(1, saying("a"), 10);
  flight.keep(2, saying("b"), 10);
  flight.keep(1, saying("c"), 10);
  EXPECT_THAT(lines(flight, 1), ElementsAre("a", "c"));
  EXPECT_THAT(lines(flight, 2), ElementsAre("b"));
  EXPECT_THAT(lines(flight, 3), IsEmpty());
}

TEST(FlightRecorder, ForgetsTheOldestPastItsBounds) {
  FlightRecorder flight;
  for (std::size_t i = 0; i < kMaxFlightEvents + 5; ++i) {
    flight.keep(1, saying(std::to_string(i)), 1);
  }
  const std::vector<std::string> last = lines(flight, 1);
  EXPECT_EQ(last.size(), kMaxFlightEvents);
  EXPECT_EQ(last.front(), "5");
  flight.keep(2, saying("x"), kMaxFlightBytes);
  flight.keep(2, saying("y"), kMaxFlightBytes);
  EXPECT_THAT(lines(flight, 2), ElementsAre("y"));
}

TEST(FlightRecorder, ForgetsWhoWasSilentTheLongest) {
  FlightRecorder flight;
  const std::size_t many = kMaxFlightTotal / kMaxFlightBytes;
  flight.keep(1'000'001, saying("old"), 10);
  flight.keep(1'000'002, saying("busy"), 10);
  for (std::uint64_t i = 0; i < many; ++i) {
    flight.keep(i, saying("x"), kMaxFlightBytes);
    flight.keep(1'000'002, saying("busy"), 10);
  }
  EXPECT_THAT(lines(flight, 1'000'001), IsEmpty());
  EXPECT_FALSE(lines(flight, 1'000'002).empty());
}

}  // namespace
}  // namespace bailiff::sidecar
