// A rule may say "fd.name startswith /etc" or TODO(#12) or look at build/work/x.
struct bpf_prog_info *info;
class Interval;
