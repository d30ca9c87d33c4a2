package launch

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// leader asks for a group of its own, and for a request to stop when this
// process dies, however that happens. A request and not a kill: a server that
// is killed leaves behind the processes that it started.
func leader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// alive reports whether a process of the group is left. Dead ones that nobody
// reaps are none: where the first process of a container does not, they stay.
func (g group) alive() bool {
	if syscall.Kill(-int(g), 0) != nil {
		return false
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		// "pid (name) state ppid pgrp …": the name may hold anything.
		_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		if f := strings.Fields(rest); len(f) > 2 && f[2] == strconv.Itoa(int(g)) && f[0] != "Z" && f[0] != "X" {
			return true
		}
	}
	return false
}
