#include "oci/sys/pidfd.h"
#include "rules/eval/eval.h"
#include "sidecar/store/store.h"
