package host

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// ticksPerSecond is USER_HZ, which Linux fixes at 100 for what /proc shows.
const ticksPerSecond = 100

// Process reads what a runtime's process and its children use. Linux only.
type Process struct {
	root   fs.FS
	target string
	find   func(fs.FS) (pid int, err error)
	pid    int // 0 until found
	// strangers are processes that are none of ours. They are not read again:
	// a busy server has thousands.
	strangers map[int]bool
	// A search that found nothing is not repeated at once: it looks at every
	// descriptor of every process.
	missing error
	rest    int // collections until the next search
}

const searchEvery = 10 // collections

var _ telemetry.Collector = (*Process)(nil)

// NewProcess returns a collector of one process of a target; root is System().
func NewProcess(root fs.FS, target string, pid int) *Process {
	return &Process{root: root, target: target, pid: pid, find: func(fs.FS) (int, error) {
		return 0, fmt.Errorf("there is no process %d any more", pid)
	}}
}

// NewListener returns a collector of the process that listens on a TCP port of
// this computer. A process that ended is looked for again.
func NewListener(root fs.FS, target string, port uint16) *Process {
	return &Process{root: root, target: target, find: func(root fs.FS) (int, error) { return Listener(root, port) }}
}

// Collect implements telemetry.Collector.
func (p *Process) Collect(context.Context) []sample.Reading {
	family, err := p.family()
	if err != nil {
		labels := map[string]string{"target": p.target}
		return []sample.Reading{
			telemetry.Absent(telemetry.ProcessCPU, unit.Second, err.Error(), labels),
			telemetry.Absent(telemetry.ProcessRSS, unit.Byte, err.Error(), labels),
		}
	}
	labels := map[string]string{"target": p.target, "pid": strconv.Itoa(p.pid)}
	var ticks, pages uint64
	for _, member := range family {
		ticks, pages = ticks+member.ticks, pages+member.pages
	}
	return []sample.Reading{
		telemetry.Point(telemetry.ProcessCPU, unit.Second, float64(ticks)/ticksPerSecond, labels),
		telemetry.Point(telemetry.ProcessRSS, unit.Byte, float64(pages)*float64(os.Getpagesize()), labels),
	}
}

// Close implements telemetry.Collector.
func (p *Process) Close() error { return nil }

// process is what /proc/PID/stat tells.
type process struct {
	parent int
	ticks  uint64 // of its own and of its children that ended
	pages  uint64 // resident; a page shared by two processes counts twice
}

// family reads the process, which it looks for if need be, and its descendants.
func (p *Process) family() ([]*process, error) {
	if p.rest > 0 {
		p.rest--
		return nil, p.missing
	}
	tree, err := p.read()
	if err == nil && tree[p.pid] == nil {
		p.strangers = nil
		if p.pid, err = p.find(p.root); err != nil {
			p.missing, p.rest = err, searchEvery-1
			return nil, err
		}
		tree, err = p.read()
	}
	if err != nil {
		return nil, err
	}
	if tree[p.pid] == nil {
		return nil, fmt.Errorf("process %d cannot be read", p.pid)
	}
	var family []*process
	for pid, member := range tree {
		if tree.descends(pid, p.pid) {
			family = append(family, member)
		} else {
			p.strangers[pid] = true
		}
	}
	return family, nil
}

type processes map[int]*process

// descends reports whether pid is root, or a child of one that descends from
// it. Parents are older than their children, but pids may be reused: the walk
// is bounded.
func (t processes) descends(pid, root int) bool {
	for range t {
		p := t[pid]
		if pid == root || p == nil {
			return pid == root
		}
		pid = p.parent
	}
	return pid == root
}

// read reads every process but the strangers that are still there.
func (p *Process) read() (processes, error) {
	entries, err := fs.ReadDir(p.root, "proc")
	if err != nil {
		return nil, errors.New("this system has no /proc")
	}
	tree, strangers := processes{}, map[int]bool{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p.strangers[pid] {
			strangers[pid] = true
			continue
		}
		// A process may end between the listing and here.
		if b, err := fs.ReadFile(p.root, path.Join("proc", e.Name(), "stat")); err == nil {
			if stat, err := parseStat(b); err == nil {
				tree[pid] = stat
			}
		}
	}
	p.strangers = strangers
	return tree, nil
}

// parseStat reads /proc/PID/stat (proc(5)). The second field, the command, is
// in brackets and may hold spaces and brackets.
func parseStat(b []byte) (*process, error) {
	i := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[i+1:])
	if i < 0 || len(fields) < 22 {
		return nil, errors.New("not the line of a process")
	}
	number := func(field int) (uint64, error) { // by its number in proc(5)
		return strconv.ParseUint(string(fields[field-3]), 10, 64)
	}
	var p process
	parent, err := number(4)
	p.parent = int(parent)
	for _, field := range []int{14, 15, 16, 17} { // utime, stime, cutime, cstime
		n, bad := number(field)
		p.ticks, err = p.ticks+n, cmp.Or(err, bad)
	}
	pages, bad := number(24)
	p.pages = pages
	return &p, cmp.Or(err, bad)
}

// Listener finds the process that listens on a TCP port at a loopback or at
// the unspecified address.
func Listener(root fs.FS, port uint16) (int, error) {
	inodes, err := listening(root, port)
	if err != nil {
		return 0, err
	}
	if len(inodes) == 0 {
		return 0, fmt.Errorf("no process of this computer listens on port %d", port)
	}
	links, _ := fs.Glob(root, "proc/[0-9]*/fd/*")
	var found []int
	for _, l := range links {
		to, err := fs.ReadLink(root, l)
		if err != nil || !slices.Contains(inodes, to) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(l, "/")[1]); err == nil {
			found = append(found, pid)
		}
	}
	if len(found) == 0 {
		return 0, fmt.Errorf("the process that listens on port %d belongs to another user", port)
	}
	return slices.Min(found), nil // the first of a family that shares the socket
}

const stateListen = "0A"

// listening returns the sockets on a port as /proc/PID/fd shows them.
func listening(root fs.FS, port uint16) ([]string, error) {
	var sockets []string
	read := false
	for _, name := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		text, err := line(root, name)
		if err != nil {
			continue
		}
		read = true
		for _, row := range strings.Split(text, "\n") {
			f := strings.Fields(row)
			if len(f) < 10 || f[3] != stateListen {
				continue
			}
			addr, at, ok := parseAddr(f[1])
			if ok && at == port && (addr.IsLoopback() || addr.IsUnspecified()) {
				sockets = append(sockets, "socket:["+f[9]+"]")
			}
		}
	}
	if !read {
		return nil, errors.New("this system has no /proc/net/tcp")
	}
	return sockets, nil
}

// parseAddr reads "0100007F:1F90": 32-bit words in the machine's order, which
// is little endian on every system that this is built for.
func parseAddr(text string) (netip.Addr, uint16, bool) {
	host, port, ok := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	n, bad := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || bad != nil || len(b)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(b)
	return addr.Unmap(), uint16(n), ok
}
