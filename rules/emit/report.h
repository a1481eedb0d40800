// SPDX-License-Identifier: Apache-2.0
// rules/emit/report.h
// The end of the programs that judge: verdict and records.
#pragma once

#include <vector>

#include "rules/emit/flavour.h"
#include "rules/emit/writer.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// Returns the verdict, as the flavour's program type has it.
// For each hit a struct bailiff_connect_event is put into the ring buffer
// first.  When that is full the record is lost and counted, and the verdict
// stands: it must not depend on somebody reading.
void finish_and_report(Writer& code, const std::vector<KernelRule>& rules,
                       const FlavourCode& flavour);

}  // namespace bailiff::emit
