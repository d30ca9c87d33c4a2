package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"chimera/internal/fault"
	"chimera/internal/target/fake"

	"github.com/spf13/cobra"
)

func (a *app) fakeCmd() *cobra.Command {
	var listen, profile string
	cmd := &cobra.Command{
		Use: "fake", Short: "Serve a simulated runtime whose true timings are known", Args: cobra.NoArgs,
		Long: `Serve a simulator that speaks the protocols of Ollama, OpenAI and llama.cpp and
plays a profile: time to the first token, gap, jitter, slots, failures. It logs when
it really emitted each token (GET /truth, JSON lines), so that a client, ours or
another, can be judged. It listens on loopback unless told otherwise.

A profile has the form of a URL's query: first=100ms&gap=20ms&slots=64&fault=cut:7:3`,
		Example: "  chimera fake --listen 127.0.0.1:9999 --profile 'first=100ms&gap=20ms&slots=8'\n  chimera bench --url http://127.0.0.1:9999 --kind openai --model fake",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := fake.ParseProfile(profile)
			if err != nil {
				return fault.With(err, fault.Usage, "`chimera fake --help` shows the form")
			}
			sim, err := fake.New(p)
			if err != nil {
				return fault.With(err, fault.Usage, "")
			}
			ctx, stop := a.interruptible(cmd.Context())
			defer stop()
			return a.serveSimulator(ctx, sim, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address to listen on; port 0 picks a free one")
	cmd.Flags().StringVar(&profile, "profile", "", "what to play; empty: one small model on a fast machine")
	return cmd
}

// serveSimulator serves until ctx ends, and returns when every request is over.
func (a *app) serveSimulator(ctx context.Context, sim *fake.Simulator, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fault.With(err, fault.Runtime, "choose another address with --listen")
	}
	server := &http.Server{Handler: sim.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16}
	fmt.Fprintf(a.Stdout, "http://%s\n", l.Addr())
	a.note("serving a simulator; Ctrl-C stops it")
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		sim.Close()
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err = server.Shutdown(short)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		<-served
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fault.With(err, fault.Runtime, "")
	}
	return nil
}
