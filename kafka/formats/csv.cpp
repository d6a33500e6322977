#include "kafka/formats/csv.hpp"

#include <csv.h>
#include <fmt/format.h>

#include <exception>
#include <memory>

#include "runtime/faults/errors.hpp"

namespace lockstep::kafka::csv_line {

namespace {

struct FreeParser {
  void operator()(csv_parser* parser) const { csv_free(parser); }
};

/// What is known of a line while it is read. Callbacks of the parser must not throw.
struct Line {
  std::size_t columns;
  FunctionRef<void(const Field&)> function;
  std::size_t at = 0;
  std::size_t lines = 0;
  std::exception_ptr error = nullptr;

  static void field(void* data, std::size_t size, void* of) noexcept {
    Line& line = *static_cast<Line*>(of);
    if (line.lines != 0) {
      line.lines = 2;
      return;
    }
    const std::size_t at = line.at++;
    if (at >= line.columns || line.error != nullptr) return;
    try {
      line.function({at, static_cast<const char*>(data), data == nullptr ? 0 : size});
    } catch (...) {
      line.error = std::current_exception();
    }
  }
  static void end(int, void* of) noexcept {
    Line& line = *static_cast<Line*>(of);
    if (line.lines == 0) line.lines = 1;
  }
};

// Spaces belong to fields.
int no_space(unsigned char) { return 0; }

}  // namespace

std::string column_name(std::string_view field, std::size_t at) {
  return field.empty() ? fmt::format("field {}", at + 1) : fmt::format("\"{}\"", field);
}
void throw_empty() { throw FormatError("it is empty"); }

void check(const CsvOptions& options) {
  const auto ends_line = [](char c) { return c == '\n' || c == '\r'; };
  if (options.separator == options.quote || ends_line(options.separator) || ends_line(options.quote)) {
    throw FlowError("CSV needs a separator and a quote that are different, and end no line");
  }
}

void append(std::string& out, std::string_view field, const CsvOptions& options) {
  const char special[] = {options.separator, options.quote, '\n', '\r'};
  // Without quotes an empty string would be nothing.
  if (!field.empty() && field.find_first_of({special, sizeof special}) == std::string_view::npos) {
    out += field;
    return;
  }
  const std::size_t begin = out.size();
  out.resize(begin + 2 * field.size() + 2);
  const std::size_t size = csv_write2(out.data() + begin, out.size() - begin, field.data(), field.size(),
                                      static_cast<unsigned char>(options.quote));
  out.resize(begin + size);
}

void read(std::string_view bytes, std::size_t columns, const CsvOptions& options,
          FunctionRef<void(const Field&)> function) {
  csv_parser memory;
  if (csv_init(&memory, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0) throw std::bad_alloc();
  const std::unique_ptr<csv_parser, FreeParser> parser(&memory);
  csv_set_delim(parser.get(), static_cast<unsigned char>(options.separator));
  csv_set_quote(parser.get(), static_cast<unsigned char>(options.quote));
  csv_set_space_func(parser.get(), no_space);
  Line line{.columns = columns, .function = function};
  const bool is_whole =
      csv_parse(parser.get(), bytes.data(), bytes.size(), Line::field, Line::end, &line) == bytes.size() &&
      csv_fini(parser.get(), Line::field, Line::end, &line) == 0;
  if (!is_whole) {
    const int error = csv_error(parser.get());
    if (error == CSV_ENOMEM || error == CSV_ETOOBIG) throw std::bad_alloc();
    throw FormatError("it is not CSV: a quote is where none may be, or one is missing");
  }
  if (line.lines > 1) throw FormatError("it has more than one line");
  if (columns == 1 && line.at == 0 && line.lines == 0) return function({});  // a field that is empty
  if (line.at != columns) throw FormatError(fmt::format("it has {} fields, not {}", line.at, columns));
  if (line.error != nullptr) std::rethrow_exception(line.error);
}

}  // namespace lockstep::kafka::csv_line
