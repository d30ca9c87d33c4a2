package native

import "sync"

// A gate lets many in, or one alone, as a read-write mutex does, but waiting
// can be given up: a request that wants another model must not outlive its
// deadline behind the answers of the resident one. Whoever wants to be alone
// goes before newcomers.
type gate struct {
	mu      sync.Mutex
	inside  int           // who is in; alone counts as -1
	queued  int           // wait to be alone
	changed chan struct{} // closed when it may be another's turn; nil while nobody waits
}

// enter waits until the caller is in, who then leaves with leave. It is false
// if done was closed before; a nil done never is.
func (g *gate) enter(done <-chan struct{}, alone bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if alone {
		g.queued++
		defer func() { g.queued-- }()
	}
	for !g.admits(alone) {
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		turn := g.changed
		g.mu.Unlock()
		select {
		case <-turn:
			g.mu.Lock()
		case <-done:
			g.mu.Lock()
			g.wake() // those who let the caller go first
			return false
		}
	}
	g.inside++
	if alone {
		g.inside = -1
	}
	return true
}

func (g *gate) admits(alone bool) bool {
	if alone {
		return g.inside == 0
	}
	return g.inside >= 0 && g.queued == 0
}

// share lets others in beside one who is alone.
func (g *gate) share() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = 1
	g.wake()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = max(0, g.inside-1)
	g.wake()
}

// wake lets everyone who waits look again. The lock is held.
func (g *gate) wake() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}
