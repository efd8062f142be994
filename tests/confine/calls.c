/* Makes one call and prints what came of it: `NAME allowed`, or `NAME refused ERRNO`.
   Usage: calls NAME CALL [ARGUMENT]...   See table.toml. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
/* Numbers of calls that older headers lack; the same on every machine. */
#define OPEN_TREE 428
#define IO_URING_SETUP 425

static int closed(int fd) { if (fd < 0) return -1; close(fd); return 0; }
static int append(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND);
    if (fd < 0) return -1;
    int done = write(fd, "x", 1) == 1 ? 0 : -1;
    close(fd);
    return done;
}
static int flags(const char *path) {
    int fd = open(path, O_RDONLY), value = 0;
    if (fd < 0) return -1;
    if (ioctl(fd, FS_IOC_GETFLAGS, &value) < 0) return -1;
    value |= FS_NODUMP_FL;
    return ioctl(fd, FS_IOC_SETFLAGS, &value);
}
static int by_handle(const char *path, int times) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    return times ? futimens(fd, NULL) : fchmod(fd, 0777);
}
static int mapped(const char *path) {
    int fd = open(path, O_RDWR);
    if (fd < 0) return -1;
    return mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0;
}
static socklen_t address(struct sockaddr_un *to, const char *path) {
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    strncpy(to->sun_path, path, sizeof to->sun_path - 1);
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    /* `@name` is an abstract one. */
    if (*path == '@') to->sun_path[0] = 0; else size++;
    return size;
}
static int connect_to(const char *path, int kind) {
    struct sockaddr_un to;
    socklen_t size = address(&to, path);
    int fd = socket(AF_UNIX, kind, 0);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, size);
}
/* A socket of a pair is connected, and one of datagrams can be told another address. */
static int pair_to(const char *path, int kind) {
    struct sockaddr_un to;
    socklen_t size = address(&to, path);
    int pair[2];
    if (socketpair(AF_UNIX, kind, 0, pair) < 0) return -1;
    return sendto(pair[0], "x", 1, 0, (struct sockaddr *)&to, size) < 0 ? -1 : 0;
}
static int inet(const char *port, int kind) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, kind, 0);
    if (fd < 0) return -1;
    if (kind == SOCK_STREAM) return connect(fd, (struct sockaddr *)&to, sizeof to);
    if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) < 0) return -1;
    /* Nobody there is reported to the next call. */
    usleep(20000);
    char answer;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || send(fd, "x", 1, 0) < 0) return -1;
    usleep(20000);
    return recv(fd, &answer, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN ? -1 : 0;
}
/* A server of the command's own, on its own loopback device. */
static int loopback(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || client < 0 || bind(server, (struct sockaddr *)&at, size) < 0) return -1;
    if (listen(server, 1) < 0 || getsockname(server, (struct sockaddr *)&at, &size) < 0) return -1;
    return connect(client, (struct sockaddr *)&at, size);
}
static int attach(pid_t pid) { return ptrace(PTRACE_SEIZE, pid, 0, 0); }
static int trace_child(void) {
    pid_t child = fork();
    if (child == 0) { pause(); _exit(0); }
    int done = attach(child);
    int error = errno;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    errno = error;
    return done;
}
static int read_memory(pid_t pid, const char *at) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)strtoul(at, NULL, 16), 1};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 ? 0 : -1;
}
static int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return -1;
    return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}
static int namespaces(void) {
    char map[64];
    snprintf(map, sizeof map, "0 %d 1", geteuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -1;
    put("/proc/self/setgroups", "deny");
    return put("/proc/self/uid_map", map);
}
static int enter(const char *path) {
    int fd = open(path, O_RDONLY);
    return fd < 0 ? -1 : setns(fd, 0);
}
static int own_name(void) {
    char name[256];
    return gethostname(name, sizeof name) < 0 ? -1 : sethostname(name, strlen(name));
}
/* A server, until it is killed. */
static int serve(const char *path) {
    struct sockaddr_un at;
    socklen_t size = address(&at, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 9) < 0) return -1;
    return pause();
}
static int foreign(void) {
#if defined(__x86_64__)
    /* getpid as an i386 program asks for it. */
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result));
    return result > 0 ? 0 : (errno = -result, -1);
#else
    raise(SIGSYS);
    return 0;
#endif
}
static int x32_socket(void) {
#if defined(__x86_64__)
    return closed(syscall(0x40000000 | SYS_socket, AF_UNIX, SOCK_STREAM, 0));
#else
    return closed(socket(AF_UNIX, SOCK_STREAM, 0));
#endif
}

static int run(const char *call, char **with) {
    const char *a = with[0] ? with[0] : "", *b = a[0] && with[1] ? with[1] : "";
#define CALL(name, code) if (!strcmp(call, name)) return (code)
    CALL("append", append(a));
    CALL("truncate", truncate(a, 0));
    CALL("create", closed(open(a, O_WRONLY | O_CREAT | O_EXCL, 0600)));
    CALL("unlink", unlink(a));
    CALL("mkdir", mkdir(a, 0700));
    CALL("rename", rename(a, b));
    CALL("link", link(a, b));
    CALL("link-append", link(a, b) < 0 ? -1 : append(b));
    CALL("symlink-append", symlink(a, b) < 0 ? -1 : append(b));
    CALL("map", mapped(a));
    CALL("read", closed(open(a, O_RDONLY)));
    CALL("open-write", closed(open(a, O_WRONLY)));
    CALL("chmod", chmod(a, 0777));
    CALL("fchmod", by_handle(a, 0));
    CALL("chown", chown(a, geteuid(), getegid()));
    CALL("utimensat", utimensat(AT_FDCWD, a, NULL, 0));
    CALL("futimens", by_handle(a, 1));
    CALL("setxattr", setxattr(a, "user.calls", "1", 1, 0));
    CALL("removexattr", removexattr(a, "user.kept"));
    CALL("setflags", flags(a));
    CALL("unix", connect_to(a, SOCK_STREAM));
    CALL("unix-in", chdir(a) < 0 ? -1 : connect_to(b, SOCK_STREAM));
    CALL("unix-datagram", connect_to(a, SOCK_DGRAM));
    CALL("pair-stream", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}));
    CALL("pair-seqpacket", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, (int[2]){0, 0}));
    CALL("pair-datagram", pair_to(a, SOCK_DGRAM));
    CALL("pair-raw", pair_to(a, SOCK_RAW | SOCK_CLOEXEC));
    CALL("tcp", inet(a, SOCK_STREAM));
    CALL("udp", inet(a, SOCK_DGRAM));
    CALL("loopback", loopback());
    CALL("netlink", closed(socket(AF_NETLINK, SOCK_RAW, 0)));
    CALL("vsock", closed(socket(AF_VSOCK, SOCK_STREAM, 0)));
    CALL("packet", closed(socket(AF_PACKET, SOCK_RAW, 0)));
    CALL("alg", closed(socket(AF_ALG, SOCK_SEQPACKET, 0)));
    CALL("x32-unix", x32_socket());
    CALL("foreign", foreign());
    CALL("add-key", syscall(SYS_add_key, "user", "calls", "x", 1, -2) < 0 ? -1 : 0);
    CALL("request-key", syscall(SYS_request_key, "user", a, NULL, 0) < 0 ? -1 : 0);
    CALL("session-keyring", syscall(SYS_keyctl, 0, -3, 1) < 0 ? -1 : 0);
    CALL("io-uring", closed(syscall(IO_URING_SETUP, 1, calloc(1, 256))));
    CALL("ptrace", attach(atoi(a)));
    CALL("ptrace-child", trace_child());
    CALL("read-memory", read_memory(atoi(a), b));
    CALL("signal", kill(atoi(a), 0));
    CALL("mount", mount("none", a, "tmpfs", 0, NULL));
    CALL("remount", mount(NULL, a, NULL, MS_BIND | MS_REMOUNT, NULL));
    CALL("unmount", umount2(a, MNT_DETACH));
    CALL("open-tree", closed(syscall(OPEN_TREE, AT_FDCWD, a, 1 | O_CLOEXEC)));
    CALL("own-remount", namespaces() < 0 ? -1 : mount(NULL, a, NULL, MS_BIND | MS_REMOUNT, NULL));
    CALL("own-unmount", namespaces() < 0 ? -1 : umount2(a, MNT_DETACH));
    CALL("own-chmod", namespaces() < 0 ? -1 : chmod(a, 0777));
    CALL("chroot", chroot(a));
    CALL("enter", enter(a));
    CALL("mknod", mknod(a, S_IFCHR | 0600, 0x103));
    CALL("sethostname", own_name());
    CALL("serve", serve(a));
    fprintf(stderr, "there is no call %s\n", call);
    exit(2);
}

int main(int count, char **args) {
    if (count < 3) return 2;
    errno = 0;
    int done = run(args[2], args + 3);
    if (done == 0) printf("%s allowed\n", args[1]);
    else printf("%s refused %s\n", args[1], strerrorname_np(errno));
    return 0;
}
