// SPDX-License-Identifier: Apache-2.0
//
// One connection under one mutex: a transaction here takes tens of
// microseconds, and a second connection would only move the waiting into
// SQLite's own lock.
//
// WAL with synchronous=NORMAL: a transaction survives the end of this process
// at any point; a power loss may take the last ones, never the file.
#include <sqlite3.h>

#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/alert/timestamp.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kBusyTimeoutMs = 5000;

// Alerts kept.  Past it the oldest go, with their finished deliveries: the
// file then has about a gigabyte.  One that is still to be delivered stays.
constexpr std::int64_t kKeptAlerts = 1'000'000;
// The oldest are looked for once in so many alerts, not at each.
constexpr std::int64_t kPruneEvery = 1024;

constexpr const char* kSchema = R"(
CREATE TABLE alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,
  time_ns INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  rule TEXT NOT NULL,
  container_id TEXT NOT NULL,
  container_name TEXT NOT NULL,
  json TEXT NOT NULL
);
CREATE INDEX alert_rule ON alert (rule, id);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  alert INTEGER NOT NULL REFERENCES alert (id),
  sink TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL,
  next_ns INTEGER NOT NULL,
  error TEXT NOT NULL
);
CREATE INDEX delivery_alert ON delivery (alert);
CREATE INDEX delivery_due ON delivery (sink, next_ns) WHERE state = 'pending';
CREATE INDEX delivery_failed ON delivery (id) WHERE state = 'failed';
)";

// SQLite's integers are signed; a time past the year 2262 is clamped.
std::int64_t to_signed(std::uint64_t value) {
  constexpr auto kMax =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(value < kMax ? value : kMax);
}

Error sqlite_error(sqlite3* db, std::string_view what) {
  const int code = db == nullptr ? SQLITE_NOMEM : sqlite3_errcode(db);
  const bool full = (code & 0xff) == SQLITE_FULL;
  return Error{full ? Code::kExhausted : Code::kIo,
               std::string(what) + ": " +
                   (db == nullptr ? "out of memory" : sqlite3_errmsg(db)),
               db == nullptr ? 0 : sqlite3_system_errno(db)};
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
  }
};
struct Close {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, Close>;

// One execution of a prepared statement; resets it when it goes out of scope,
// so that no read transaction stays open.
class Query {
 public:
  [[nodiscard]] explicit Query(sqlite3_stmt* statement)
      : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  // `text` must outlive the query.
  Query& bind(std::string_view text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(),
                      static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
  }
  Query& bind(std::int64_t number) {
    sqlite3_bind_int64(statement_, ++bound_, number);
    return *this;
  }

  Result<bool> row() {
    switch (sqlite3_step(statement_)) {
      case SQLITE_ROW:
        return true;
      case SQLITE_DONE:
        return false;
      default:
        return sqlite_error(sqlite3_db_handle(statement_), "store");
    }
  }
  Status run() {
    RETURN_IF_ERROR(row());
    return Ok{};
  }

  std::int64_t number(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  std::string text(int column) const {
    const auto* bytes = static_cast<const char*>(
        static_cast<const void*>(sqlite3_column_text(statement_, column)));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr
               ? std::string()
               : std::string(bytes, static_cast<std::size_t>(size));
  }

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

class Statement {
 public:
  Statement() = default;
  static Result<Statement> prepare(sqlite3* db, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw,
                           nullptr) != SQLITE_OK) {
      return sqlite_error(db, "prepare statement");
    }
    Statement statement;
    statement.statement_.reset(raw);
    return statement;
  }
  Query query() const { return Query(statement_.get()); }

 private:
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

struct Statements {
  Statement begin, commit, rollback;
  Statement insert_alert, insert_delivery, count_pending;
  Statement prune_deliveries, prune_alerts;
  Statement query, due, next_due, delivered, retry_later, give_up;
  Statement deliveries, retry, newest;
};

Result<Statements> prepare_all(sqlite3* db) {
  Statements s;
  const struct {
    Statement& statement;
    const char* sql;
  } all[] = {
      {s.begin, "BEGIN IMMEDIATE"},
      {s.commit, "COMMIT"},
      {s.rollback, "ROLLBACK"},
      {s.insert_alert,
       "INSERT INTO alert (uuid, time_ns, priority, rule, container_id, "
       "container_name, json) VALUES (?, ?, ?, ?, ?, ?, ?)"},
      {s.insert_delivery,
       "INSERT INTO delivery (alert, sink, state, attempts, next_ns, error) "
       "VALUES (?, ?, ?, 0, ?, ?)"},
      {s.count_pending,
       "SELECT count(*) FROM delivery WHERE state = 'pending' AND sink = ?"},
      {s.prune_deliveries,
       "DELETE FROM delivery WHERE alert <= ? AND state <> 'pending'"},
      {s.prune_alerts,
       "DELETE FROM alert WHERE id <= ? AND NOT EXISTS "
       "(SELECT 1 FROM delivery WHERE delivery.alert = alert.id)"},
      // ?2: any container when empty, else its name or a prefix of its id.
      {s.query,
       "SELECT id, uuid, time_ns, json FROM alert WHERE id > ?1 "
       "AND (?2 = '' OR container_name = ?2 "
       "OR substr(container_id, 1, length(?2)) = ?2) "
       "AND (?3 = '' OR rule = ?3) AND priority <= ?4 AND time_ns >= ?5 "
       "ORDER BY id LIMIT ?6"},
      {s.due,
       "SELECT delivery.id, delivery.sink, alert.json, delivery.attempts, "
       "alert.uuid FROM delivery JOIN alert ON alert.id = delivery.alert "
       "WHERE delivery.state = 'pending' AND delivery.sink = ? "
       "AND delivery.next_ns <= ? ORDER BY delivery.id LIMIT ?"},
      {s.next_due,
       "SELECT min(next_ns) FROM delivery "
       "WHERE state = 'pending' AND sink = ?"},
      {s.delivered,
       "UPDATE delivery SET state = 'delivered', attempts = attempts + 1, "
       "error = '' WHERE id = ? AND state = 'pending'"},
      {s.retry_later,
       "UPDATE delivery SET attempts = attempts + 1, error = ?, next_ns = ? "
       "WHERE id = ? AND state = 'pending'"},
      {s.give_up,
       "UPDATE delivery SET state = 'failed', attempts = attempts + 1, "
       "error = ? WHERE id = ? AND state = 'pending'"},
      {s.deliveries,
       "SELECT delivery.id, alert.uuid, alert.rule, delivery.sink, "
       "delivery.state, delivery.attempts, delivery.error FROM delivery "
       "JOIN alert ON alert.id = delivery.alert "
       "WHERE ?1 = 0 OR delivery.state = 'failed' "
       "ORDER BY delivery.id DESC LIMIT ?2"},
      {s.retry,
       "UPDATE delivery SET state = 'pending', attempts = 0, next_ns = 0 "
       "WHERE id = ? AND state = 'failed'"},
      {s.newest, "SELECT coalesce(max(id), 0) FROM alert"},
  };
  for (const auto& each : all) {
    ASSIGN_OR_RETURN(each.statement, Statement::prepare(db, each.sql));
  }
  return s;
}

Status execute(sqlite3* db, const std::string& sql, std::string_view what) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return sqlite_error(db, what);
  }
  return Ok{};
}

Result<int> schema_version(sqlite3* db) {
  ASSIGN_OR_RETURN(const Statement statement,
                   Statement::prepare(db, "PRAGMA user_version"));
  Query query = statement.query();
  RETURN_IF_ERROR(query.row());
  return static_cast<int>(query.number(0));
}

Status bring_to_schema(sqlite3* db, const std::string& path) {
  ASSIGN_OR_RETURN(const int version, schema_version(db));
  if (version == kSchemaVersion) return Ok{};
  if (version != 0) {
    return Error{Code::kUnsupported,
                 "'" + path + "' has schema version " +
                     std::to_string(version) + ", this program knows " +
                     std::to_string(kSchemaVersion) +
                     "; use the program that wrote it or move the file away"};
  }
  return execute(db,
                 std::string("BEGIN IMMEDIATE;") + kSchema +
                     "PRAGMA user_version = " + std::to_string(kSchemaVersion) +
                     "; COMMIT;",
                 "create schema in '" + path + "'");
}

class SqliteStore final : public Store {
 public:
  SqliteStore(Database db, Statements statements, std::int64_t newest)
      : db_(std::move(db)), s_(std::move(statements)), newest_(newest) {}

  Result<Appended> append(const Alert& alert,
                          const std::vector<std::string>& sinks,
                          int max_pending) override {
    const std::string json = to_json(alert);
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(s_.begin.query().run());
    Result<Appended> appended = append_rows(alert, json, sinks, max_pending);
    if (appended) {
      if (Status done = s_.commit.query().run(); !done) {
        appended = std::move(done).error();
      }
    }
    if (!appended) {
      // A failed statement may already have rolled back; then this fails too
      // and nothing is left to undo.
      static_cast<void>(s_.rollback.query().run());
      return appended;
    }
    {
      const std::lock_guard news(news_mutex_);
      newest_ = appended->id;
    }
    news_.notify_all();
    return appended;
  }

  Result<std::vector<StoredAlert>> query(const AlertQuery& wanted) override {
    const std::lock_guard lock(mutex_);
    Query query = s_.query.query();
    const auto priority =
        static_cast<std::int64_t>(wanted.priority.value_or(Priority::kDebug));
    query.bind(wanted.after)
        .bind(wanted.container)
        .bind(wanted.rule)
        .bind(priority)
        .bind(to_signed(wanted.since_ns))
        .bind(std::int64_t{wanted.limit});
    std::vector<StoredAlert> alerts;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, query.row());
      if (!more) return alerts;
      alerts.push_back({.id = query.number(0),
                        .uuid = query.text(1),
                        .time_ns = static_cast<std::uint64_t>(query.number(2)),
                        .json = query.text(3)});
    }
  }

  Result<std::vector<Delivery>> due(const std::string& sink,
                                    std::uint64_t now_ns, int limit) override {
    const std::lock_guard lock(mutex_);
    Query query = s_.due.query();
    query.bind(sink).bind(to_signed(now_ns)).bind(std::int64_t{limit});
    std::vector<Delivery> due;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, query.row());
      if (!more) return due;
      due.push_back({.id = query.number(0),
                     .sink = query.text(1),
                     .json = query.text(2),
                     .attempts = static_cast<int>(query.number(3)),
                     .uuid = query.text(4)});
    }
  }

  Result<std::optional<std::uint64_t>> next_due(
      const std::string& sink) override {
    const std::lock_guard lock(mutex_);
    // An aggregate of no rows is one row of NULL.
    ASSIGN_OR_RETURN(const std::int64_t count, pending_locked(sink));
    if (count == 0) return std::optional<std::uint64_t>();
    Query query = s_.next_due.query();
    query.bind(sink);
    RETURN_IF_ERROR(query.row());
    return std::optional(static_cast<std::uint64_t>(query.number(0)));
  }

  Status delivered(std::int64_t delivery) override {
    const std::lock_guard lock(mutex_);
    Query query = s_.delivered.query();
    query.bind(delivery);
    return changed_one(query, delivery, "pending");
  }

  Status undelivered(std::int64_t delivery, const std::string& error,
                     std::uint64_t next_ns) override {
    const std::lock_guard lock(mutex_);
    if (next_ns == 0) {
      Query query = s_.give_up.query();
      query.bind(error).bind(delivery);
      return changed_one(query, delivery, "pending");
    }
    Query query = s_.retry_later.query();
    query.bind(error).bind(to_signed(next_ns)).bind(delivery);
    return changed_one(query, delivery, "pending");
  }

  Result<std::vector<DeliveryState>> deliveries(bool failed_only,
                                                int limit) override {
    const std::lock_guard lock(mutex_);
    Query query = s_.deliveries.query();
    query.bind(std::int64_t{failed_only ? 1 : 0}).bind(std::int64_t{limit});
    std::vector<DeliveryState> states;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, query.row());
      if (!more) return states;
      states.push_back({.id = query.number(0),
                        .uuid = query.text(1),
                        .rule = query.text(2),
                        .sink = query.text(3),
                        .state = query.text(4),
                        .attempts = static_cast<int>(query.number(5)),
                        .error = query.text(6)});
    }
  }

  Status retry(std::int64_t delivery) override {
    const std::lock_guard lock(mutex_);
    Query query = s_.retry.query();
    query.bind(delivery);
    return changed_one(query, delivery, "failed");
  }

  Result<std::int64_t> pending(const std::string& sink) override {
    const std::lock_guard lock(mutex_);
    return pending_locked(sink);
  }

  std::int64_t newest() override {
    const std::lock_guard lock(news_mutex_);
    return newest_;
  }

  bool wait_for_newer(std::int64_t after, int timeout_ms) override {
    std::unique_lock lock(news_mutex_);
    const std::uint64_t wakes = wakes_;
    news_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                   [&] { return newest_ > after || wakes_ != wakes; });
    return newest_ > after;
  }

  void wake() override {
    {
      const std::lock_guard lock(news_mutex_);
      ++wakes_;
    }
    news_.notify_all();
  }

 private:
  Result<Appended> append_rows(const Alert& alert, const std::string& json,
                               const std::vector<std::string>& sinks,
                               int max_pending) {
    Query insert = s_.insert_alert.query();
    insert.bind(alert.uuid)
        .bind(to_signed(alert.time_ns))
        .bind(static_cast<std::int64_t>(alert.priority))
        .bind(alert.rule)
        .bind(alert.container.id)
        .bind(alert.container.name)
        .bind(json);
    RETURN_IF_ERROR(insert.run());

    Appended appended{.id = sqlite3_last_insert_rowid(db_.get())};
    const std::int64_t now = to_signed(now_ns());
    for (const std::string& sink : sinks) {
      ASSIGN_OR_RETURN(const std::int64_t count, pending_locked(sink));
      const bool full = count >= max_pending;
      if (full) appended.dropped.push_back(sink);
      Query queue = s_.insert_delivery.query();
      queue.bind(appended.id)
          .bind(sink)
          .bind(full ? "failed" : "pending")
          .bind(now)
          .bind(full ? "queue full" : "");
      RETURN_IF_ERROR(queue.run());
    }
    if (appended.id % kPruneEvery == 0 && appended.id > kKeptAlerts) {
      RETURN_IF_ERROR(prune(appended.id - kKeptAlerts));
    }
    return appended;
  }

  Status prune(std::int64_t last) {
    Query deliveries = s_.prune_deliveries.query();
    RETURN_IF_ERROR(deliveries.bind(last).run());
    Query alerts = s_.prune_alerts.query();
    return alerts.bind(last).run();
  }

  Result<std::int64_t> pending_locked(const std::string& sink) {
    Query query = s_.count_pending.query();
    query.bind(sink);
    RETURN_IF_ERROR(query.row());
    return query.number(0);
  }

  Status changed_one(Query& query, std::int64_t delivery,
                     std::string_view state) {
    RETURN_IF_ERROR(query.run());
    if (sqlite3_changes(db_.get()) == 1) return Ok{};
    return Error{Code::kNotFound, "no " + std::string(state) + " delivery '" +
                                      std::to_string(delivery) + "'"};
  }

  std::mutex mutex_;  // guards db_ and s_
  Database db_;
  Statements s_;

  std::mutex news_mutex_;  // guards what follows; taken after mutex_
  std::condition_variable news_;
  std::int64_t newest_;
  std::uint64_t wakes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(
      path.c_str(), &raw,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  Database db(raw);
  const std::string what = "open store '" + path + "'";
  if (opened != SQLITE_OK) return sqlite_error(raw, what);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  RETURN_IF_ERROR(execute(raw,
                          "PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = NORMAL;"
                          "PRAGMA foreign_keys = ON;",
                          what));
  RETURN_IF_ERROR(bring_to_schema(raw, path));
  ASSIGN_OR_RETURN(Statements statements, prepare_all(raw));
  std::int64_t newest = 0;
  {
    Query query = statements.newest.query();
    if (Result<bool> row = query.row(); !row) return std::move(row).error();
    newest = query.number(0);
  }
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(
      std::move(db), std::move(statements), newest));
}

}  // namespace bailiff::sidecar
