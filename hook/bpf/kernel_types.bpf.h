/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* hook/bpf/kernel_types.bpf.h
 * What our programs read of the kernel's own structures: only the members they
 * name.  The loader finds their places in the running kernel (CO-RE), so that
 * the object is the same wherever it was built.
 */
#ifndef BAILIFF_HOOK_BPF_KERNEL_TYPES_BPF_H_
#define BAILIFF_HOOK_BPF_KERNEL_TYPES_BPF_H_

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), \
                             apply_to = record)

struct kernfs_node {
  __u64 id;
};
struct cgroup_root;
struct cgroup {
  int level;
  struct kernfs_node* kn;
  struct cgroup_root* root;
  struct cgroup* ancestors[1]; /* one for each level, Linux 6.1 */
};
struct css_set {
  struct cgroup* dfl_cgrp;
};

struct qstr {
  __u32 len;
  const unsigned char* name;
};
struct super_block {
  __u32 s_dev;
  unsigned long s_flags;
  unsigned long s_magic;
};
struct timespec64 {
  __s64 tv_sec;
  long tv_nsec;
};
struct id {
  __u32 val;
};
struct inode {
  unsigned short i_mode;
  struct id i_uid;
  struct id i_gid;
  unsigned int i_flags;
  struct super_block* i_sb;
  unsigned long i_ino;
  __s64 i_mtime_sec; /* Linux 6.11 */
  __s64 i_ctime_sec;
  __u32 i_mtime_nsec;
  __u32 i_ctime_nsec;
};
struct inode___6_6 {
  struct timespec64 __i_mtime;
  struct timespec64 __i_ctime;
};
struct inode___6_1 {
  struct timespec64 i_mtime;
  struct timespec64 i_ctime;
};
struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
};
struct vfsmount {
  struct dentry* mnt_root;
};
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
};
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};
struct file {
  __u32 f_mode;
  void* private_data;
  struct inode* f_inode;
  struct path f_path;
};
struct fs_struct {
  struct path root;
  struct path pwd;
};
struct fdtable {
  unsigned int max_fds;
  struct file** fd;
};
struct files_struct {
  struct fdtable* fdt;
};

struct in6_addr {
  __u8 s6_addr[16];
};
struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};
struct sock_cgroup_data {
  struct cgroup* cgroup;
};
struct sock {
  struct sock_common __sk_common;
  __u16 sk_protocol;
  __u16 sk_type;
  struct socket* sk_socket;
  struct sock_cgroup_data sk_cgrp_data;
};
struct sk_buff {
  struct sock* sk;
  __be16 protocol;
  __u16 network_header; /* from head, as are others */
  unsigned char* head;
};
struct socket {
  short type;
  struct file* file; /* NULL: the kernel's own */
  struct sock* sk;
};

struct upid {
  int nr;
};
struct pid {
  unsigned int level;
  struct upid numbers[1];
};
struct tty_driver {
  int major;
  int minor_start;
};
struct tty_struct {
  int index;
  struct tty_driver* driver;
};
struct atomic {
  int counter;
};
struct signal_struct {
  struct atomic live;
  struct pid* pids[4];
  struct tty_struct* tty;
};
struct capabilities {
  __u64 val; /* two words before Linux 6.3, in this order */
};
struct group_info {
  int ngroups;
  struct id gid[1];
};
struct cred {
  struct id euid;
  struct id egid;
  struct id fsuid;
  struct id fsgid;
  struct group_info* group_info;
  struct capabilities cap_inheritable;
  struct capabilities cap_permitted;
  struct capabilities cap_effective;
};
struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
  unsigned long env_start;
  unsigned long env_end;
  struct file* exe_file;
};
struct seq_file;
struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 session_id;
};
struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};
struct linux_binprm {
  const char* filename;
  const char* fdpath; /* "/dev/fd/…", of what a descriptor names */
};
struct thread_info {
  __u32 status;
};
struct task_struct {
  struct thread_info thread_info;
  unsigned int flags;
  struct mm_struct* mm;
  int pid;
  int tgid;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  __u64 start_boottime;
  const struct cred* cred;
  char comm[16];
  struct fs_struct* fs;
  struct files_struct* files;
  struct signal_struct* signal;
  struct id loginuid; /* CONFIG_AUDIT */
  struct css_set* cgroups;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
  unsigned long bx;
  unsigned long cx;
  unsigned long dx;
  unsigned long si;
  unsigned long di;
  unsigned long bp;
  unsigned long r8;
  unsigned long r9;
  unsigned long r10;
  unsigned long orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
  unsigned long regs[31];
  unsigned long orig_x0;
  __s32 syscallno;
};
#endif

#pragma clang attribute pop

#endif /* BAILIFF_HOOK_BPF_KERNEL_TYPES_BPF_H_ */
