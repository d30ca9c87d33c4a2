//go:build unix && !linux

package launch

import "syscall"

// leader asks for a group of its own. This system cannot tie it to the life of
// this process: if that is killed, the server stays.
func leader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// alive reports whether a process of the group is left.
func (g group) alive() bool { return syscall.Kill(-int(g), 0) == nil }
