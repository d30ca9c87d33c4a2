package launch

import (
	"errors"
	"os/exec"
	"runtime"
	"time"
)

// A process leads a group, which ends with it.
type process struct {
	cmd   *exec.Cmd
	group group
	done  chan struct{} // closed when the leader has ended
}

// begin starts a command as the leader of a group.
func begin(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.SysProcAttr = leader()
	started := make(chan error)
	go func() {
		// Linux takes the death of the thread that started a process for the
		// death of its parent: this one lives as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.group, err = newGroup(cmd.Process)
		}
		started <- err
		if cmd.Process == nil {
			return
		}
		if err != nil {
			_ = cmd.Process.Kill() // it cannot be held to its group; the error says why
		}
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// status says how the leader ended, after done.
func (p *process) status() string { return p.cmd.ProcessState.String() }

var errStays = errors.New("it does not end")

// end asks the group to end, and kills what is left of it after the grace.
func (p *process) end(grace time.Duration) error {
	defer p.group.close()
	p.group.ask()
	if p.gone(grace) {
		return nil
	}
	p.group.kill()
	if !p.gone(killing) {
		return errStays
	}
	return nil
}

// killing is how long a killed process may take to go: it may have to be read
// back from swap, or write what it mapped.
const killing = 30 * time.Second

// gone waits until nothing is left of the group.
func (p *process) gone(limit time.Duration) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	select {
	case <-p.done:
	case <-deadline.C:
		return false
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for p.group.alive() {
		select {
		case <-poll.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}
