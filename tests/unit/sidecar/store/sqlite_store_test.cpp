// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "sidecar/store/store.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff::sidecar {
namespace {

using testing::HasSubstr;

constexpr int kRoomy = 100;

Alert alert_of(const std::string& rule, Priority priority = Priority::kWarning,
               std::uint64_t time_ns = 1000) {
  Alert alert;
  alert.uuid = new_uuid();
  alert.time_ns = time_ns;
  alert.rule = rule;
  alert.priority = priority;
  alert.source = "syscall";
  alert.message = "something happened";
  alert.container = {.id = "0123456789abcdef", .name = "shop", .image = ""};
  return alert;
}

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() { reopen(); }

  std::string path() const { return folder_ / "bailiff.db"; }

  void reopen() {
    store_.reset();
    Result<std::unique_ptr<Store>> store = Store::open(path());
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
  }

  std::int64_t append(const Alert& alert,
                      const std::vector<std::string>& sinks = {},
                      int max_pending = kRoomy) {
    Result<Store::Appended> appended =
        store_->append(alert, sinks, max_pending);
    EXPECT_TRUE(appended) << appended.error().message;
    return appended ? appended->id : 0;
  }

  std::vector<std::int64_t> ids(const AlertQuery& query) {
    Result<std::vector<StoredAlert>> alerts = store_->query(query);
    EXPECT_TRUE(alerts) << alerts.error().message;
    std::vector<std::int64_t> found;
    for (const StoredAlert& alert : *alerts) found.push_back(alert.id);
    return found;
  }

  std::vector<Delivery> due(const std::string& sink, std::uint64_t now) {
    Result<std::vector<Delivery>> found = store_->due(sink, now, 100);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<Delivery>{};
  }

  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
};

constexpr std::uint64_t kLate = 8'000'000'000'000'000'000;

TEST_F(SqliteStoreTest, GivesAlertsBackOldestFirst) {
  const std::int64_t first = append(alert_of("a"));
  const std::int64_t second = append(alert_of("b"));
  EXPECT_LT(first, second);
  EXPECT_EQ(ids({}), (std::vector{first, second}));
  EXPECT_EQ(ids({.after = first}), std::vector{second});
  EXPECT_EQ(ids({.limit = 1}), std::vector{first});
}

TEST_F(SqliteStoreTest, FiltersByRuleContainerPriorityAndTime) {
  const std::int64_t one = append(alert_of("a", Priority::kCritical, 10));
  const std::int64_t two = append(alert_of("b", Priority::kNotice, 20));
  EXPECT_EQ(ids({.rule = "b"}), std::vector{two});
  EXPECT_EQ(ids({.priority = Priority::kError}), std::vector{one});
  EXPECT_EQ(ids({.since_ns = 11}), std::vector{two});
  EXPECT_EQ(ids({.container = "shop"}).size(), 2U);
  EXPECT_EQ(ids({.container = "01234"}).size(), 2U);
  EXPECT_TRUE(ids({.container = "1234"}).empty());
}

TEST_F(SqliteStoreTest, RefusesTheSameAlertTwiceAndKeepsNothingOfIt) {
  const Alert alert = alert_of("a");
  append(alert, {"soc"});
  EXPECT_FALSE(store_->append(alert, {"soc"}, kRoomy));
  EXPECT_EQ(ids({}).size(), 1U);
  EXPECT_EQ(due("soc", kLate).size(), 1U);
}

TEST_F(SqliteStoreTest, KeepsAlertsAndQueueOverAReopen) {
  const std::int64_t id = append(alert_of("a"), {"soc"});
  reopen();
  EXPECT_EQ(ids({}), std::vector{id});
  EXPECT_EQ(store_->newest(), id);
  EXPECT_EQ(due("soc", kLate).size(), 1U);
}

TEST_F(SqliteStoreTest, KeepsWhatAKilledProcessHadStored) {
  store_.reset();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Result<std::unique_ptr<Store>> store = Store::open(path());
    if (!store || !(*store)->append(alert_of("a"), {"soc"}, kRoomy)) {
      ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  reopen();
  EXPECT_EQ(ids({}).size(), 1U);
  EXPECT_EQ(due("soc", kLate).size(), 1U);
}

TEST_F(SqliteStoreTest, RetriesADeliveryWhenItIsDue) {
  append(alert_of("a"), {"soc"});
  const std::int64_t id = due("soc", kLate).at(0).id;
  ASSERT_TRUE(store_->undelivered(id, "connection refused", kLate));
  EXPECT_TRUE(due("soc", kLate - 1).empty());
  ASSERT_EQ(due("soc", kLate).size(), 1U);
  EXPECT_EQ(due("soc", kLate).at(0).attempts, 1);
  EXPECT_EQ(**store_->next_due("soc"), kLate);
  ASSERT_TRUE(store_->delivered(id));
  EXPECT_FALSE(store_->next_due("soc")->has_value());
  EXPECT_EQ(*store_->pending("soc"), 0);
}

TEST_F(SqliteStoreTest, GivesUpAndComesBackOnRetry) {
  append(alert_of("a"), {"soc"});
  const std::int64_t id = due("soc", kLate).at(0).id;
  ASSERT_TRUE(store_->undelivered(id, "gone", 0));
  Result<std::vector<DeliveryState>> failed = store_->deliveries(true, 10);
  ASSERT_TRUE(failed);
  ASSERT_EQ(failed->size(), 1U);
  EXPECT_EQ(failed->at(0).error, "gone");
  EXPECT_EQ(failed->at(0).rule, "a");
  EXPECT_TRUE(due("soc", kLate).empty());
  ASSERT_TRUE(store_->retry(id));
  EXPECT_EQ(due("soc", kLate).size(), 1U);
  EXPECT_FALSE(store_->retry(id));
}

TEST_F(SqliteStoreTest, StoresPastTheBoundAsFailedAndSaysSo) {
  append(alert_of("a"), {"soc"}, 1);
  Result<Store::Appended> appended =
      store_->append(alert_of("b"), {"soc", "oncall"}, 1);
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->dropped, std::vector<std::string>{"soc"});
  EXPECT_EQ(due("soc", kLate).size(), 1U);
  EXPECT_EQ(due("oncall", kLate).size(), 1U);
  Result<std::vector<DeliveryState>> failed = store_->deliveries(true, 10);
  ASSERT_EQ(failed->size(), 1U);
  EXPECT_EQ(failed->at(0).error, "queue full");
}

TEST_F(SqliteStoreTest, WakesAWaiterForANewAlert) {
  std::thread writer([this] { append(alert_of("a")); });
  EXPECT_TRUE(store_->wait_for_newer(0, 60'000));
  writer.join();
}

TEST_F(SqliteStoreTest, StopsAWaitWithoutNews) {
  EXPECT_FALSE(store_->wait_for_newer(0, 1));
}

TEST_F(SqliteStoreTest, RefusesAFileOfANewerSchema) {
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  Result<std::unique_ptr<Store>> store = Store::open(path());
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("schema version 99"));
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  store_.reset();
  std::filesystem::remove_all(folder_.path());
  std::filesystem::create_directory(folder_.path());
  FILE* file = std::fopen(path().c_str(), "we");
  ASSERT_NE(file, nullptr);
  std::fputs("this has never been a database, not even a small one", file);
  std::fclose(file);
  EXPECT_FALSE(Store::open(path()));
}

}  // namespace
}  // namespace bailiff::sidecar
