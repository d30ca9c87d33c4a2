package launch

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

func leader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// group is a job object: it ends with its last handle, and so with this
// process.
type group struct{ job windows.Handle }

func newGroup(leader *os.Process) (group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return group{}, fmt.Errorf("make a job object: %w", err)
	}
	g := group{job}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
		LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE}}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		g.close()
		return group{}, fmt.Errorf("limit a job object: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(leader.Pid))
	if err != nil {
		g.close()
		return group{}, fmt.Errorf("open process %d: %w", leader.Pid, err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		g.close()
		return group{}, fmt.Errorf("give process %d to a job object: %w", leader.Pid, err)
	}
	return g, nil
}

// ask is kill: a process without a window cannot be asked here.
func (g group) ask() { g.kill() }

func (g group) kill() { _ = windows.TerminateJobObject(g.job, 1) } // a job without processes has nothing to end

// alive is false once the leader is gone: TerminateJobObject ends all at once.
func (g group) alive() bool { return false }

func (g group) close() { _ = windows.CloseHandle(g.job) } // nothing can be done about a handle that does not close
