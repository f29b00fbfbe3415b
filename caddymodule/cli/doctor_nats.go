package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// doctorPatience bounds each question to a server.
	doctorPatience = 3 * time.Second
	// certificateEnds is when a certificate is about to end.
	certificateEnds = 21 * 24 * time.Hour
	// largestSkew is what is taken for a wrong clock: replay windows are minutes.
	largestSkew = 30 * time.Second
)

// DoctorBroker is a connection to a NATS cluster, as the gateway would make it.
type DoctorBroker struct {
	// Name is that of the connection, "default" for the one without.
	Name string
	// Connect says where the servers are and how to log in.
	Connect natspub.ConnectConfig
	// Publish is what the gateway's publisher is made of; the connection is made
	// here, and it only looks.
	Publish natspub.Config
	// NoStreams means that nothing is published on this connection.
	NoStreams bool
	// Unasked says why it cannot be asked, "" if it can.
	Unasked string
}

func (b *DoctorBroker) where() string { return "connection " + b.Name }

// look asks each server, and then one of them about the streams.
func (b *DoctorBroker) look(ctx context.Context, r *DoctorReport) {
	if b.Unasked != "" {
		r.Skipped(b.where() + ": " + b.Unasked)
		return
	}
	var conn *nats.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	failed := make(map[string][]string) // what was found, by code
	for _, server := range b.Connect.URLs {
		one := b.Connect
		one.URLs = []string{server}
		nc, code, problem := connectOnce(ctx, one)
		if nc == nil {
			failed[code] = append(failed[code], withoutUser(server)+": "+problem)
			continue
		}
		b.lookAtTLS(nc, server, r)
		if conn == nil {
			conn = nc
		} else {
			nc.Close()
		}
	}
	b.addFailures(r, failed, conn != nil)
	if conn == nil {
		r.Skipped(b.where() + ": its streams were not looked at, because there is no connection")
		return
	}
	r.OK(b.where(), fmt.Sprintf("connected to %s, nats-server %s", withoutUser(conn.ConnectedUrlRedacted()), conn.ConnectedServerVersion()))
	if !b.NoStreams {
		b.lookAtStreams(ctx, conn, r)
	}
}

func (b *DoctorBroker) addFailures(r *DoctorReport, failed map[string][]string, connected bool) {
	for _, code := range []string{"nats-unreachable", "nats-tls", "nats-login"} {
		for _, what := range failed[code] {
			if code == "nats-unreachable" && connected {
				r.Add("nats-server-unreachable", b.where(), "", what)
				continue
			}
			r.Add(code, b.where(), "", what)
		}
	}
}

// connectOnce connects to one server. Without a connection it returns the code and
// what is wrong.
func connectOnce(ctx context.Context, cfg natspub.ConnectConfig) (nc *nats.Conn, code, problem string) {
	u, err := url.Parse(cfg.URLs[0])
	if err != nil || u.Hostname() == "" {
		u = &url.URL{Host: strings.TrimPrefix(cfg.URLs[0], "nats://")}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	dialer := net.Dialer{Timeout: doctorPatience}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), or(port, "4222")))
	if err != nil {
		return nil, "nats-unreachable", err.Error()
	}
	_ = c.Close()
	cfg.Name = "caddy webhooks doctor"
	if nc, err = natspub.Connect(cfg); err != nil {
		return nil, "nats-login", err.Error()
	}
	for deadline := time.Now().Add(doctorPatience); nc.Status() != nats.CONNECTED; time.Sleep(10 * time.Millisecond) {
		last := nc.LastError()
		if code := connectCode(last); code != "" || ctx.Err() != nil || time.Now().After(deadline) {
			nc.Close()
			problem = "there is no answer"
			if last != nil {
				problem = last.Error()
			}
			return nil, or(code, "nats-unreachable"), problem
		}
	}
	return nc, "", ""
}

// connectCode says which finding an error is, "" if it may go away by itself.
func connectCode(err error) string {
	var (
		name     x509.HostnameError
		issuer   x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		tlsAlert tls.AlertError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &name), errors.As(err, &issuer), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &record), errors.As(err, &tlsAlert),
		errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return "nats-tls"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired),
		errors.Is(err, nats.ErrNkeysNotSupported), errors.Is(err, nats.ErrTokenAlreadySet):
		return "nats-login"
	}
	return ""
}

func withoutUser(server string) string {
	if u, err := url.Parse(server); err == nil {
		u.User = nil
		return u.String()
	}
	return "a server"
}

func (b *DoctorBroker) lookAtTLS(nc *nats.Conn, server string, r *DoctorReport) {
	state, err := nc.TLSConnectionState()
	if err != nil {
		if host := hostOf(server); !OnlyHere(host) {
			r.Add("nats-plain", b.where(), "", withoutUser(server)+" is reached without TLS")
		}
		return
	}
	for _, cert := range state.PeerCertificates[:min(1, len(state.PeerCertificates))] {
		if left := time.Until(cert.NotAfter); left < certificateEnds {
			r.Add("nats-tls-ends", b.where(), "", fmt.Sprintf("the certificate of %s ends on %s", withoutUser(server), cert.NotAfter.UTC().Format(time.DateOnly)))
		}
	}
}

func hostOf(server string) string {
	if u, err := url.Parse(server); err == nil {
		return u.Hostname()
	}
	return server
}

// OnlyHere reports whether nobody but this machine reaches the host.
func OnlyHere(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// lookAtStreams does what the gateway does before it takes events, and makes nothing.
func (b *DoctorBroker) lookAtStreams(ctx context.Context, conn *nats.Conn, r *DoctorReport) {
	ctx, cancel := context.WithTimeout(ctx, 5*doctorPatience)
	defer cancel()
	cfg := b.Publish
	cfg.Conn, cfg.LookOnly = conn, true
	p, err := natspub.New(cfg)
	if err != nil {
		r.Add("stream-unfit", b.where(), "", err.Error())
		return
	}
	defer p.Close()
	found, err := p.Preflight(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		r.Add("nats-jetstream", b.where(), "", "JetStream does not answer at "+or(strings.TrimSuffix(cfg.APIPrefix, "."), jetstream.DefaultAPIPrefix))
		return
	case err != nil:
		r.Add("stream-unfit", b.where(), "", "the streams cannot be looked at: "+err.Error(), "see that the cluster has a leader, and that the account of this user has the streams")
		return
	}
	for _, f := range found {
		b.add(r, f)
	}
	b.compareClocks(ctx, conn, r)
}

// add notes what the gateway's own look has found.
func (b *DoctorBroker) add(r *DoctorReport, f natspub.Finding) {
	where := b.where()
	if f.Stream != "" {
		where += ", stream " + f.Stream
	}
	var code string
	switch {
	case f.Severity == natspub.Note && strings.HasPrefix(f.Problem, natspub.WorthPrefix):
		if b.Publish.Stream.Replicas <= 1 && strings.Contains(f.Problem, "that one server has") {
			r.Add("ack-one-server", where, "", f.Problem)
			return
		}
		r.OK(where, f.Problem)
		return
	case f.Severity == natspub.Note && f.Problem == natspub.ToCreate:
		r.OK(where, f.Problem)
		return
	case f.Severity == natspub.Note:
		code = "stream-note"
	case f.Denied() && f.Severity == natspub.Fatal:
		code = "nats-permissions"
	case f.Severity == natspub.Fatal:
		code = "stream-unfit"
	case f.Stream == "" && strings.Contains(f.Problem, "nats-server "):
		code = "nats-version"
	default:
		code = "stream-weak"
	}
	if f.Cure == "" {
		r.Add(code, where, "", f.Problem)
		return
	}
	r.Add(code, where, "", f.Problem, f.Cure)
}

// compareClocks compares this machine's clock with that of the server that answers
// for a stream.
func (b *DoctorBroker) compareClocks(ctx context.Context, conn *nats.Conn, r *DoctorReport) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	prefix := or(strings.TrimSuffix(b.Publish.APIPrefix, "."), jetstream.DefaultAPIPrefix)
	js, err := jetstream.NewWithAPIPrefix(conn, prefix)
	if err != nil || b.Publish.Stream.Name == "" {
		return
	}
	asked := time.Now()
	s, err := js.Stream(ctx, b.Publish.Stream.Name)
	if err != nil || s.CachedInfo().TimeStamp.IsZero() {
		return
	}
	compareClock(r, b.where(), s.CachedInfo().TimeStamp, asked, 0)
}

// compareClock compares the clock of another machine, which was asked at a time,
// has answered now, and tells its time as exactly as unit.
func compareClock(r *DoctorReport, where string, theirs, asked time.Time, unit time.Duration) {
	took := time.Since(asked)
	skew := asked.Add(took / 2).Sub(theirs.Add(unit / 2))
	if off := skew.Abs() - took/2 - unit/2; off > largestSkew {
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		r.Add("clock-skew", where, "", fmt.Sprintf("this machine's clock is %s %s that of the other", skew.Abs().Round(time.Second), direction))
		return
	}
	r.OK(where, "the clocks agree")
}

// lookAtClock compares the clock with that of an HTTP server. The error wraps
// [ErrUnreachable].
func lookAtClock(ctx context.Context, from string, r *DoctorReport) error {
	if from == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*doctorPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, from, nil)
	if err != nil {
		return fmt.Errorf("%w: --time-from: %w", ErrUsage, err)
	}
	client := &http.Client{
		// The clock of the certificate's checks may be the wrong one.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // only the time is read
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	asked := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: --time-from: %w", ErrUnreachable, err)
	}
	_ = res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return fmt.Errorf("%w: --time-from: %s answers without a date", ErrUnreachable, from)
	}
	compareClock(r, from, theirs, asked, time.Second)
	return nil
}
