#include <fmt/format.h>
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <tuple>

#include "tests/property/random.hpp"

// Relational dataflows, each with the SQL text that means the same: after every step the accumulated output holds what
// SQLite answers, weights expanded into rows. An oracle that nobody here wrote.

namespace lockstep::property {

namespace {

struct Entry {
  std::int64_t k = 0;
  std::int64_t v = 0;
  std::optional<std::int64_t> o;
  double x = 0;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (k, v, o, x))

/// A row of any query's answer.
using Answer = std::tuple<std::optional<std::int64_t>, std::optional<std::int64_t>, std::optional<std::int64_t>,
                          std::optional<double>>;
using Answers = std::map<Answer, Weight>;

class Database {
 public:
  Database() {
    REQUIRE(sqlite3_open(":memory:", &database_) == SQLITE_OK);
    for (const char table : {'a', 'b'}) {
      execute(fmt::format("CREATE TABLE {}(k INTEGER, v INTEGER, o INTEGER, x REAL)", table));
    }
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(database_); }

  void change(char table, const Entry& row, Weight weight) {
    const std::string o = row.o ? std::to_string(*row.o) : "NULL";
    for (; weight > 0; --weight) {
      execute(fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {})", table, row.k, row.v, o, row.x));
    }
    if (weight == 0) return;
    execute(
        fmt::format("DELETE FROM {0} WHERE rowid IN (SELECT rowid FROM {0} WHERE k = {1} AND v = {2} AND o IS {3} "
                    "AND x = {4} LIMIT {5})",
                    table, row.k, row.v, o, row.x, -weight));
  }

  Answers ask(const std::string& query) {
    sqlite3_stmt* raw = nullptr;
    INFO(query);
    REQUIRE(sqlite3_prepare_v2(database_, query.c_str(), -1, &raw, nullptr) == SQLITE_OK);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
    const auto integer = [raw](int column) {
      const bool null = sqlite3_column_type(raw, column) == SQLITE_NULL;
      return null ? std::nullopt : std::optional<std::int64_t>(sqlite3_column_int64(raw, column));
    };
    Answers answers;
    while (sqlite3_step(raw) == SQLITE_ROW) {
      const bool null = sqlite3_column_type(raw, 3) == SQLITE_NULL;
      ++answers[{integer(0), integer(1), integer(2),
                 null ? std::nullopt : std::optional(sqlite3_column_double(raw, 3))}];
    }
    return answers;
  }

 private:
  void execute(const std::string& statement) {
    REQUIRE(sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

  sqlite3* database_ = nullptr;
};

struct Query {
  std::string sql;
  Output<Answer> output;
};

/// Makes the fields of a group, or of the whole stream, an answer.
constexpr auto kAnswer = [](const auto&... field) { return Answer(field...); };

class Queries {
 public:
  Queries(Random& random, const Input<Entry>& a, const Input<Entry>& b)
      : low_(random.between(-3, 2)), high_(random.between(1, 4)) {
    const auto keep = [low = low_](const Entry& row) { return row.v > low; };
    const auto has = [](const Entry& row) { return row.o.has_value(); };
    const int modulus = random.between(1, 4);
    const auto rest = [modulus](const Entry& row) { return row.k % modulus; };

    add("SELECT k, count(*), sum(v), avg(v) FROM a WHERE v > {0} GROUP BY k",
        a | filter(keep) | group_by(&Entry::k, count(), sum(&Entry::v), avg(&Entry::v)) |
            map([](std::int64_t k, const auto& group) {
              return std::apply([k](const auto&... field) { return kAnswer(k, field...); }, group);
            }));
    add(fmt::format("SELECT k % {}, min(o), max(v), sum(x) FROM a GROUP BY k % {}", modulus, modulus),
        a | group_by(rest, min(&Entry::o), max(&Entry::v), sum(&Entry::x)) | map([](std::int64_t k, const auto& group) {
          return std::apply([k](const auto&... field) { return kAnswer(k, field...); }, group);
        }));
    add("SELECT DISTINCT k, v, o, NULL FROM (SELECT * FROM a WHERE v > {0} UNION ALL SELECT * FROM b)",
        a | filter(keep) | plus(b) | map([](const Entry& row) { return kAnswer(row.k, row.v, row.o, std::nullopt); }) |
            distinct());
    add("SELECT a.k, a.v, b.o, b.x FROM a JOIN b ON a.k = b.k WHERE a.v > {0}",
        a | filter(keep) | key_by(&Entry::k) |
            join(b | key_by(&Entry::k), [](std::int64_t k, const Entry& left, const Entry& right) {
              return kAnswer(k, left.v, right.o, right.x);
            }));
    // In SQL a null matches nothing.
    add("SELECT a.o, count(*), sum(a.v - b.v), NULL FROM a JOIN b ON a.o = b.o GROUP BY a.o",
        a | filter(has) | key_by(&Entry::o) |
            join(b | key_by(&Entry::o), [](const Entry& left, const Entry& right) { return left.v - right.v; }) |
            group_by(key, count(), sum(value)) | map([](const std::optional<std::int64_t>& o, const auto& group) {
              return kAnswer(o, std::get<0>(group), std::get<1>(group), std::nullopt);
            }));
    add("SELECT count(*), sum(o), max(o), avg(o) FROM b WHERE k < {1} HAVING count(*) > 0",
        b | filter([high = high_](const Entry& row) { return row.k < high; }) |
            aggregate(count(), sum(&Entry::o), max(&Entry::o), avg(&Entry::o)) |
            map([](const auto& total) { return std::apply(kAnswer, total); }));
    add("SELECT c, count(*), max(k), NULL FROM (SELECT k, count(*) AS c FROM b GROUP BY k) GROUP BY c",
        b | group_by(&Entry::k, count()) | map([](std::int64_t k, std::int64_t c) { return std::pair(c, k); }) |
            group_by(&std::pair<std::int64_t, std::int64_t>::first, count(),
                     max(&std::pair<std::int64_t, std::int64_t>::second)) |
            map([](std::int64_t c, const auto& group) {
              return kAnswer(c, std::get<0>(group), std::get<1>(group), std::nullopt);
            }));
    add("SELECT a.k, a.v, b.v, b.x FROM a LEFT JOIN b ON a.k = b.k AND a.v < b.v",
        a | key_by(&Entry::k) |
            left_join(
                b | key_by(&Entry::k),
                [](std::int64_t k, const Entry& left, const std::optional<Entry>& right) {
                  return kAnswer(k, left.v, right ? std::optional(right->v) : std::nullopt,
                                 right ? std::optional(right->x) : std::nullopt);
                },
                matching([](const Entry& left, const Entry& right) { return left.v < right.v; })));
    // In SQL a null matches nothing.
    add("SELECT a.o, a.v, b.v, NULL FROM a LEFT JOIN b ON a.o = b.o",
        a | key_by(&Entry::o) |
            left_join(
                b | key_by(&Entry::o),
                [](const std::optional<std::int64_t>& o, const Entry& left, const std::optional<Entry>& right) {
                  return kAnswer(o, left.v, right ? std::optional(right->v) : std::nullopt, std::nullopt);
                },
                nulls_never_match));
    add("SELECT a.v, b.v, b.o, NULL FROM a RIGHT JOIN b ON a.k = b.k",
        a | key_by(&Entry::k, &Entry::v) |
            right_join(b | key_by(&Entry::k),
                       [](std::int64_t, const std::optional<std::int64_t>& left, const Entry& right) {
                         return kAnswer(left, right.v, right.o, std::nullopt);
                       }));
    add("SELECT a.v, b.v, coalesce(a.k, b.k), NULL FROM a FULL JOIN b ON a.k = b.k AND a.v <> b.v",
        a | key_by(&Entry::k, &Entry::v) |
            full_join(
                b | key_by(&Entry::k, &Entry::v),
                [](std::int64_t k, const std::optional<std::int64_t>& left, const std::optional<std::int64_t>& right) {
                  return kAnswer(left, right, k, std::nullopt);
                },
                matching([](std::int64_t left, std::int64_t right) { return left != right; })));
    add("SELECT k, v, o, x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE a.k = b.k AND a.v < b.v)",
        a | key_by(&Entry::k) | semi_join(b | key_by(&Entry::k), matching([](const Entry& left, const Entry& right) {
                                            return left.v < right.v;
                                          })) |
            map([](const Entry& row) { return kAnswer(row.k, row.v, row.o, row.x); }));
    add("SELECT k, v, o, x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE a.o = b.o)",
        a | key_by(&Entry::o) | anti_join(b | key_by(&Entry::o), nulls_never_match) |
            map([](const Entry& row) { return kAnswer(row.k, row.v, row.o, row.x); }));
    const auto keys = [](const Entry& row) { return kAnswer(row.k, row.o, std::nullopt, std::nullopt); };
    add("SELECT k, o, NULL, NULL FROM a UNION SELECT k, o, NULL, NULL FROM b", a | map(keys) | union_(b | map(keys)));
    add("SELECT k, o, NULL, NULL FROM a UNION ALL SELECT k, o, NULL, NULL FROM b",
        a | map(keys) | union_all(b | map(keys)));
    add("SELECT k, o, NULL, NULL FROM a INTERSECT SELECT k, o, NULL, NULL FROM b",
        a | map(keys) | intersect(b | map(keys)));
    add("SELECT k, o, NULL, NULL FROM a EXCEPT SELECT k, o, NULL, NULL FROM b", a | map(keys) | except(b | map(keys)));
    // SQLite has neither INTERSECT ALL nor EXCEPT ALL: the n-th of a row is a row of its own.
    const std::string numbered = "SELECT k, o, row_number() OVER (PARTITION BY k, o) AS n FROM ";
    add("SELECT k, o, NULL, NULL FROM (" + numbered + "a INTERSECT " + numbered + "b)",
        a | map(keys) | intersect_all(b | map(keys)));
    add("SELECT k, o, NULL, NULL FROM (" + numbered + "a EXCEPT " + numbered + "b)",
        a | map(keys) | except_all(b | map(keys)));
    add("SELECT k, count(DISTINCT v), count(DISTINCT o), NULL FROM a GROUP BY k",
        a | group_by(&Entry::k, count_distinct(&Entry::v), count_distinct(&Entry::o)) |
            map([](std::int64_t k, const auto& counts) {
              return kAnswer(k, std::get<0>(counts), std::get<1>(counts), std::nullopt);
            }));
    add("SELECT k, v, o, x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v, o, x) AS n FROM a) WHERE n = "
        "1",
        a | group_by(&Entry::k, arg_min(&Entry::v)) |
            map([](const Entry& row) { return kAnswer(row.k, row.v, row.o, row.x); }));
    add("SELECT k, v, o, x FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY x DESC, v DESC, o DESC) AS n "
        "FROM "
        "a) WHERE n = 1",
        a | group_by(&Entry::k, arg_max(&Entry::x)) |
            map([](const Entry& row) { return kAnswer(row.k, row.v, row.o, row.x); }));
    add("SELECT a.k, s.n, s.m, a.x FROM a JOIN (SELECT k, count(*) AS n, min(v) AS m FROM b GROUP BY k) AS s ON a.k = "
        "s.k",
        a | key_by(&Entry::k) |
            join(b | group_by(&Entry::k, count(), min(&Entry::v)),
                 [](std::int64_t k, const Entry& row, const auto& group) {
                   return kAnswer(k, std::get<0>(group), std::get<1>(group), row.x);
                 }));
  }

  const std::vector<Query>& all() const { return queries_; }

 private:
  template <class Chain>
  void add(const std::string& sql, const Chain& answers) {
    queries_.push_back({fmt::format(fmt::runtime(sql), low_, high_),
                        answers.stream() | output(std::to_string(queries_.size()), accumulated)});
  }

  int low_;
  int high_;
  std::vector<Query> queries_;
};

/// The rows of one input, so that what is deleted is there.
struct Pushed {
  char table;
  Input<Entry> input;
  std::vector<Entry> rows;
};

void push_some(Random& random, Pushed& pushed, Runtime& runtime, Database& database) {
  Entry row{random.below(5), random.between(-4, 6),
            random.chance(30) ? std::nullopt : std::optional<std::int64_t>(random.below(3)),
            random.between(-4, 8) / 2.0};
  Weight weight = random.one_of({1, 1, 1, 2, 3});
  if (!pushed.rows.empty() && random.chance(45)) {
    const auto at = pushed.rows.begin() + random.below(static_cast<int>(pushed.rows.size()));
    row = *at;
    weight = -1;
    pushed.rows.erase(at);
  } else {
    pushed.rows.insert(pushed.rows.end(), static_cast<std::size_t>(weight), row);
  }
  runtime[pushed.input].push(row, weight);
  database.change(pushed.table, row, weight);
}

void run_case(std::uint64_t number) {
  Random random(number);
  Dataflow flow;
  Pushed a{'a', flow.input<Entry>("a"), {}};
  Pushed b{'b', flow.input<Entry>("b"), {}};
  const Queries queries(random, a.input, b.input);
  Database database;
  Runtime runtime(flow, {.workers = static_cast<unsigned>(random.between(1, 4)),
                         .schedule_seed = random.next() % 1000,
                         .limits = IndexLimits::minimum()});
  for (int step = random.between(2, 12); step > 0; --step) {
    for (int pushes = random.one_of({0, 1, 3, 10, 30}); pushes > 0; --pushes) {
      push_some(random, random.chance(50) ? a : b, runtime, database);
    }
    runtime.step();
    const Snapshot snapshot = runtime.snapshot();
    for (const Query& query : queries.all()) {
      Answers found;
      snapshot[query.output].for_each([&](const Answer& row, Weight weight) { found[row] += weight; });
      INFO("case " << number << ", step " << snapshot.step() << ": " << query.sql);
      REQUIRE(found == database.ask(query.sql));
    }
  }
}

}  // namespace

TEST_CASE("relational dataflows hold what SQLite answers") {
#ifdef NDEBUG
  constexpr std::uint64_t kCases = 400;
#else
  constexpr std::uint64_t kCases = 60;
#endif
  for (std::uint64_t number = 0; number < kCases; ++number) run_case(number);
}

}  // namespace lockstep::property
