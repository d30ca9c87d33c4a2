package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"chimera/internal/fault"
	"chimera/internal/mcp"
	"chimera/internal/tool"

	"github.com/spf13/cobra"
)

// tokenVariable holds the secret that HTTP requests must bear.
const tokenVariable = "CHIMERA_MCP_TOKEN"

// mcpFlags say what is served and how.
type mcpFlags struct {
	runs, imports     []string
	ledger, http, log string
	limits            tool.Limits
}

func (a *app) mcpCmd() *cobra.Command {
	var q mcpFlags
	cmd := &cobra.Command{
		Use: "mcp", Short: "Let an assistant ask about runs, by the Model Context Protocol", Args: cobra.NoArgs,
		Long: `Serve the questions inventory, list_facts, query, compare and plot to an assistant, over
standard input and output, or over HTTP with --http. Every answer is made of facts with ids,
intervals and n; what was not measured is answered so. An assistant can ask, and neither run,
write nor delete anything. Each session has its own budget (docs/formats/mcp.md).

HTTP listens on loopback, or elsewhere if ` + tokenVariable + ` holds a secret, which requests
then bear (Authorization: Bearer …).`,
		Example: "  chimera mcp --run 7f3a\n  chimera mcp --import c4b3 --log calls.jsonl\n  chimera mcp --ledger chimera-report/ledger.json --http 127.0.0.1:8765",
		RunE: func(cmd *cobra.Command, _ []string) error {
			source, err := a.mcpSource(cmd.Context(), q)
			if err != nil {
				return err
			}
			ctx, stop := a.interruptible(cmd.Context())
			defer stop()
			return a.serveMCP(ctx, source, q)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&q.runs, "run", nil, "run to ask about (may be given several times)")
	f.StringSliceVar(&q.imports, "import", nil, "import to ask about (may be given several times)")
	f.StringVar(&q.ledger, "ledger", "", "ledger.json to ask about, instead of runs")
	f.StringVar(&q.http, "http", "", "listen on this address instead of standard input; port 0 picks a free one")
	f.StringVar(&q.log, "log", "", "append every call to this file, as JSON lines")
	f.IntVar(&q.limits.Calls, "calls", 10_000, "calls that one session may make")
	f.IntVar(&q.limits.Facts, "facts", 100, "facts that one answer may hold")
	f.IntVar(&q.limits.Bytes, "bytes", 64<<10, "bytes that one answer may hold")
	return cmd
}

func (a *app) mcpSource(ctx context.Context, q mcpFlags) (*tool.Source, error) {
	for _, l := range []struct {
		flag     string
		n, least int
	}{{"calls", q.limits.Calls, 1}, {"facts", q.limits.Facts, 1}, {"bytes", q.limits.Bytes, 2048}} {
		if l.n < l.least {
			return nil, fault.With(fmt.Errorf("--%s must be at least %d, but is %d", l.flag, l.least, l.n), fault.Usage, "leave it out for the default")
		}
	}
	named := len(q.runs) + len(q.imports)
	switch {
	case named > 0 && q.ledger != "":
		return nil, fault.With(errors.New("mcp: a ledger beside runs"), fault.Usage, "name runs and imports, or one ledger.json alone")
	case named == 0 && q.ledger == "":
		return nil, fault.With(errors.New("mcp: nothing to ask about"), fault.Usage, "name a run with --run, an import with --import or a file with --ledger; `chimera runs ls` lists them")
	case q.ledger != "":
		return a.toolSourceOf(q.ledger)
	}
	return a.toolSource(ctx, q.runs, q.imports)
}

func (a *app) serveMCP(ctx context.Context, source *tool.Source, q mcpFlags) (err error) {
	o := mcp.Options{Source: source, Version: Version, Limits: q.limits, Clock: time.Now, Token: a.Getenv(tokenVariable)}
	if q.log != "" {
		f, err := os.OpenFile(q.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fault.With(fmt.Errorf("mcp: %w", err), fault.Usage, "name a file that can be written with --log")
		}
		log := &callLog{out: f}
		o.Log = log.write
		defer func() { err = errors.Join(err, log.failed(), f.Close()) }()
	}
	if q.http == "" {
		a.note("answering an assistant on standard input and output; Ctrl-C stops it")
		return mcp.Stdio(ctx, a.Stdin, a.Stdout, o)
	}
	l, err := mcp.Listen(q.http, o.Token)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://%s%s", l.Addr(), mcp.Path)
	if a.json {
		err = a.printJSON(map[string]string{"url": url})
	} else {
		_, err = fmt.Fprintln(a.Stdout, url)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a.note("answering assistants; Ctrl-C stops it")
	return mcp.HTTP(ctx, l, o)
}

// callLog writes calls of all sessions as JSON lines.
type callLog struct {
	mu  sync.Mutex
	out io.Writer
	err error
}

func (l *callLog) write(c tool.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = json.NewEncoder(l.out).Encode(c)
	}
}

func (l *callLog) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return fmt.Errorf("write the log of calls: %w", l.err)
	}
	return nil
}
