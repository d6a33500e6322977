#include "runtime/durability/manifest.hpp"

#include <elf.h>
#include <link.h>

#include <cstring>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/slots.hpp"

namespace lockstep {

namespace {

constexpr std::uint8_t kVersion = 9;

std::uint32_t decode_32(Decoder& in) {
  const std::uint64_t value = in.varint();
  if (value > ~std::uint32_t{0}) throw DecodeError("a number of 32 bits is larger");
  return static_cast<std::uint32_t>(value);
}

}  // namespace

std::uint64_t Manifest::Operator::bytes() const {
  std::uint64_t sum = 0;
  for (const Record& record : records) sum += record.bytes;
  return sum;
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const Operator& one : operators) sum += one.bytes();
  return sum;
}

std::string Manifest::encode() const {
  std::string bytes;
  Encoder out(bytes);
  out.byte(kVersion);
  out.varint(number);
  out.varint(step);
  out.zigzag(taken_at);
  out.bytes(application);
  out.bytes(library);
  out.bytes(build_id);
  out.varint(workers);
  for (const std::uint32_t limit : {limits.segment_bytes, limits.rows_in_segment, limits.page_rows, limits.links}) {
    out.varint(limit);
  }
  out.bytes(borders);
  out.varint(operators.size());
  for (const Operator& one : operators) {
    out.varint(one.id);
    out.bytes(one.name);
    one.identity.encode(out);
    out.varint(one.items);
    out.varint(one.records.size());
    unsigned slot = 0;
    for (const Record& record : one.records) {
      out.varint(record.slot - slot);
      out.varint(number - record.number);
      out.varint(record.bytes);
      out.fixed64(record.checksum);
      slot = record.slot;
    }
  }
  return bytes;
}

Manifest Manifest::decode(std::string_view bytes) {
  Decoder in(bytes);
  if (const unsigned version = in.byte(); version != kVersion) {
    throw DecodeError("it has version " + std::to_string(version) + ", this is version " + std::to_string(kVersion));
  }
  Manifest manifest;
  manifest.number = in.varint();
  manifest.step = in.varint();
  manifest.taken_at = in.zigzag();
  manifest.application = in.bytes();
  manifest.library = in.bytes();
  manifest.build_id = in.bytes();
  manifest.workers = decode_32(in);
  for (std::uint32_t* limit : {&manifest.limits.segment_bytes, &manifest.limits.rows_in_segment,
                               &manifest.limits.page_rows, &manifest.limits.links}) {
    *limit = decode_32(in);
  }
  manifest.borders = in.bytes();
  for (std::uint64_t operators = in.varint(); operators != 0; --operators) {
    Operator& one = manifest.operators.emplace_back();
    one.id = decode_32(in);
    one.name = in.bytes();
    one.identity = StateIdentity::decode(in);
    one.items = in.varint();
    std::uint64_t slot = 0;
    for (std::uint64_t records = in.varint(); records != 0; --records) {
      const std::uint64_t gap = in.varint();
      if (gap >= kSlots || slot + gap >= kSlots) throw DecodeError("there is no such slot");
      slot += gap;
      Record& record = one.records.emplace_back();
      record.slot = static_cast<unsigned>(slot);
      record.number = manifest.number - in.varint();
      record.bytes = in.varint();
      record.checksum = in.fixed64();
    }
  }
  if (!in.at_end()) throw DecodeError("there are bytes after its end");
  return manifest;
}

std::string build_id() {
  std::string found;
  const auto look = [](dl_phdr_info* info, std::size_t, void* result) {
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
      if (info->dlpi_phdr[i].p_type != PT_NOTE) continue;
      const auto* at = reinterpret_cast<const char*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
      const char* const end = at + info->dlpi_phdr[i].p_memsz;
      while (end - at >= static_cast<std::ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
        ElfW(Nhdr) note;
        std::memcpy(&note, at, sizeof note);
        const auto padded = [](std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; };
        const char* const name = at + sizeof note;
        const char* const description = name + padded(note.n_namesz);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
          constexpr const char* kDigits = "0123456789abcdef";
          for (std::size_t k = 0; k < note.n_descsz; ++k) {
            const auto byte = static_cast<unsigned char>(description[k]);
            *static_cast<std::string*>(result) += {kDigits[byte >> 4], kDigits[byte & 15]};
          }
          return 1;
        }
        at = description + padded(note.n_descsz);
      }
    }
    return 1;  // the executable comes first, and only it is asked
  };
  dl_iterate_phdr(look, &found);
  return found;
}

}  // namespace lockstep
