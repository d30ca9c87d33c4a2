package mcp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"chimera/internal/fault"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Path is where the server is found under its address.
const Path = "/mcp"

// Bounds of what a stranger can hold open.
const (
	idleSession = 30 * time.Minute
	maxHeader   = 64 << 10
	headerTime  = 10 * time.Second
	drainTime   = 2 * time.Second
)

// Listen opens an address for HTTP. One that others can reach needs a token.
func Listen(address, token string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.With(fmt.Errorf("listen for MCP: %w", err), fault.Usage, "choose another address with --http, for example 127.0.0.1:0")
	}
	if token == "" && !loopback(l.Addr().String()) {
		_ = l.Close() // nobody was answered
		return nil, fault.With(fmt.Errorf("listen for MCP: others can reach %s, and nothing keeps them out", l.Addr()), fault.Usage, "listen on 127.0.0.1, or set CHIMERA_MCP_TOKEN to a secret that requests must bear")
	}
	return l, nil
}

// HTTP serves sessions until ctx ends, which is a clean end.
func HTTP(ctx context.Context, l net.Listener, o Options) error {
	server := &http.Server{Handler: o.handler(l.Addr()), ReadHeaderTimeout: headerTime, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fault.With(fmt.Errorf("serve MCP over HTTP: %w", err), fault.Runtime, "")
	case <-ctx.Done():
	}
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(short)
	if errors.Is(err, context.DeadlineExceeded) { // an assistant that listens for news holds its stream open
		err = server.Close()
	}
	<-served
	if err != nil {
		return fmt.Errorf("stop serving MCP: %w", err)
	}
	return nil
}

func (o Options) handler(at net.Addr) http.Handler {
	sessions := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return o.server() },
		&sdk.StreamableHTTPOptions{SessionTimeout: idleSession, MaxRequestBodyBytes: maxMessage, PropagateRequestCancellation: true})
	mux := http.NewServeMux()
	mux.Handle(Path, sessions)
	return o.guard(at, mux)
}

// guard lets through only who speaks to this server by its own name, comes from
// no other site's page, and bears the token. A browser that was led here by a
// foreign name (DNS rebinding) still sends that name.
func (o Options) guard(at net.Addr, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + o.Token))
	local := loopback(at.String())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		switch {
		case local && !loopback(r.Host):
			http.Error(w, "this server has another name", http.StatusForbidden)
		case origin != "" && !sameSite(origin, r.Host):
			http.Error(w, "pages of other sites may not ask this server", http.StatusForbidden)
		case o.Token != "" && subtle.ConstantTimeCompare(want[:], got[:]) != 1:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loopback reports whether an address or a Host header names this machine only.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameSite reports whether a page's origin is this server itself.
func sameSite(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host)
}
