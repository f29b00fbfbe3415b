package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long the scripts wait for what has to happen.
const patience = 30 * time.Second

// TestScripts runs testdata/script/*.txtar, one behaviour each, with processes,
// ports and directories of their own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
				env.Setenv(name, filepath.Join(env.WorkDir, "home"))
			}
			env.Setenv("CADDY_BIN", os.Getenv("CADDY_BIN"))
			if err := setClients(env); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Condition: hasClient,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"capture":    cmdCapture,
			"certify":    cmdCertify,
			"conforms":   cmdConforms,
			"consumer":   cmdConsumer,
			"documented": cmdDocumented,
			"example":    cmdExample,
			"exits":      cmdExits,
			"filesize":   cmdFileSize,
			"finds":      cmdFinds,
			"freeports":  cmdFreePorts,
			"gobuild":    cmdGoBuild,
			"http":       cmdHTTP,
			"kv":         cmdKV,
			"listening":  cmdListening,
			"within":     cmdWithin,
			"messages":   cmdMessages,
			"received":   cmdReceived,
			"serverid":   cmdServerID,
			"sigkill":    cmdSignal(syscall.SIGKILL),
			"sigterm":    cmdSignal(syscall.SIGTERM),
			"nested":     cmdNested,
			"padded":     cmdPadded,
			"snippet":    cmdSnippet,
		},
	})
}

// cmdFreePorts sets variables to ports that nobody listens on:
//
//	freeports NAME...
func cmdFreePorts(ts *testscript.TestScript, neg bool, names []string) {
	if neg || len(names) == 0 {
		ts.Fatalf("usage: freeports NAME...")
	}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		// Open until all are chosen, so that they differ.
		defer func() { ts.Check(l.Close()) }()
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// cmdExits runs a program and wants it to exit with a status, and in a time:
//
//	exits [-within DURATION] STATUS PROGRAM [ARG...]
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	fs := newFlagSet("exits")
	within := fs.Duration("within", 0, "the time that it may take")
	ts.Check(fs.Parse(args))
	if args = fs.Args(); neg || len(args) < 2 {
		ts.Fatalf("usage: exits [-within DURATION] STATUS PROGRAM [ARG...]")
	}
	start := time.Now()
	status := exitStatus(ts, ts.Exec(args[1], args[2:]...))
	if took := time.Since(start); *within != 0 && took > *within {
		ts.Fatalf("it took %v, want at most %v", took, *within)
	}
	if want := args[0]; strconv.Itoa(status) != want {
		ts.Fatalf("the exit status is %d, want %s", status, want)
	}
}

// exitStatus is the status of a program that was run with this error.
func exitStatus(ts *testscript.TestScript, err error) int {
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		ts.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

// cmdCapture sets a variable to the first group of an expression in the last
// output:
//
//	capture NAME REGEXP
func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("no match with one group for %q in the output", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// cmdPadded writes a JSON document of exactly so many bytes:
//
//	padded FILE SIZE
func cmdPadded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: padded FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	doc := fmt.Sprintf(`{"pad":"%s"}`, strings.Repeat("x", size-len(`{"pad":""}`)))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(doc), 0o600))
}

// cmdNested writes a JSON document of arrays inside one another:
//
//	nested FILE DEPTH
func cmdNested(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nested FILE DEPTH")
	}
	depth, err := strconv.Atoi(args[1])
	ts.Check(err)
	doc := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(doc), 0o600))
}

// cmdSignal sends a signal to the one background process of a program:
//
//	sigterm PROGRAM
func cmdSignal(sig os.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: sigterm PROGRAM")
		}
		var found []*os.Process
		for _, cmd := range ts.BackgroundCmds() {
			if filepath.Base(cmd.Path) == args[0] {
				found = append(found, cmd.Process)
			}
		}
		if len(found) != 1 {
			ts.Fatalf("%d background processes of %s, want 1", len(found), args[0])
		}
		ts.Check(found[0].Signal(sig))
	}
}

// cmdHTTP sends a request and prints the answer: the status, the headers, an
// empty line and the body.
//
//	http [flags] METHOD URL [Name:value...]
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	r := request{}
	fs := newFlagSet("http")
	var file, text, sent, has string
	var until int
	var within, total time.Duration
	fs.StringVar(&file, "file", "", "the `file` with the body")
	fs.StringVar(&text, "text", "", "the body")
	fs.StringVar(&sent, "sent", "", "the `file` to send instead of the body that is signed")
	fs.StringVar(&r.sign, "sign", "", "sign as this `provider`: github, sendgrid, stripe, slack, nylas, getstream")
	fs.StringVar(&r.gzip, "gzip", "", "compress the body, `first` or last, which is after it was signed")
	fs.StringVar(&r.secret, "secret", "", "the secret to sign with")
	fs.StringVar(&r.host, "host", "", "the header Host")
	fs.DurationVar(&r.age, "age", 0, "the age of the signature")
	fs.BoolVar(&r.chunked, "chunked", false, "send without a length")
	fs.BoolVar(&r.cut, "cut", false, "end the body in the middle")
	fs.BoolVar(&r.slow, "slow", false, "pause in the middle of the body")
	fs.BoolVar(&r.trickle, "trickle", false, "send ten bytes of the body in a second")
	fs.IntVar(&until, "until", 0, "repeat until the `status` is this")
	fs.StringVar(&has, "has", "", "with -until, repeat until the body has this `text` as well")
	fs.DurationVar(&within, "within", 0, "the answer must come in this time")
	fs.DurationVar(&total, "for", patience, "how long to repeat")
	ts.Check(fs.Parse(args))
	if neg || fs.NArg() < 2 {
		ts.Fatalf("usage: http [flags] METHOD URL [Name:value...]")
	}
	r.method, r.url, r.header = fs.Arg(0), fs.Arg(1), fs.Args()[2:]
	switch {
	case file != "":
		r.body = []byte(ts.ReadFile(file))
	case text != "":
		r.body = []byte(text)
	}
	if sent != "" {
		r.sent = []byte(ts.ReadFile(sent))
	}
	for deadline := time.Now().Add(total); ; {
		start := time.Now()
		resp, body, err := r.do(patience)
		took := time.Since(start)
		switch {
		case until != 0 && (err != nil || resp.StatusCode != until || !bytes.Contains(body, []byte(has))):
			if time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			if err == nil {
				err = fmt.Errorf("the answer is still %d %s", resp.StatusCode, body)
			}
			ts.Fatalf("waiting for %d: %v", until, err)
		case err != nil:
			ts.Fatalf("%v", err)
		case within != 0 && took > within:
			ts.Fatalf("the answer %d took %v, want at most %v", resp.StatusCode, took, within)
		}
		ts.Check(render(ts.Stdout(), resp, body))
		return
	}
}

// cmdMessages waits until a stream holds exactly so many messages and has never
// held more, and prints them: subject, headers in order, an empty line, payload.
// What differs from run to run is replaced by its pattern.
//
//	messages URL STREAM COUNT
//
// With -least it waits for so many, or more, and prints nothing.
func cmdMessages(ts *testscript.TestScript, neg bool, args []string) {
	least := len(args) > 0 && args[0] == "-least"
	if least {
		args = args[1:]
	}
	if neg || len(args) != 3 {
		ts.Fatalf("usage: messages [-least] URL STREAM COUNT")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	if least {
		ts.Check(waitMessages(args[0], args[1], uint64(want)))
		return
	}
	messages, err := streamMessages(args[0], args[1], uint64(want))
	ts.Check(err)
	for _, m := range messages {
		_, err := ts.Stdout().Write(renderMessage(m))
		ts.Check(err)
	}
}

// cmdServerID prints the id of a NATS server, which is new each time that one is
// started:
//
//	serverid URL
func cmdServerID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serverid URL")
	}
	nc, err := dialNATS(args[0])
	ts.Check(err)
	defer nc.Close()
	_, err = fmt.Fprintln(ts.Stdout(), nc.ConnectedServerId())
	ts.Check(err)
}

// dialNATS waits until the server takes connections, which it may do later than
// Caddy takes requests.
func dialNATS(url string) (*nats.Conn, error) {
	for deadline := time.Now().Add(patience); ; {
		nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
		if err == nil || time.Now().After(deadline) {
			return nc, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var errCount = errors.New("the stream does not hold what it should")

// waitMessages waits until a stream holds so many messages.
func waitMessages(url, stream string, want uint64) error {
	nc, err := dialNATS(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		s, err := js.Stream(ctx, stream)
		cancel()
		switch {
		case err == nil && s.CachedInfo().State.Msgs >= want:
			return nil
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("%w: %s does not hold %d messages", errCount, stream, want), err)
		}
	}
}

func streamMessages(url, stream string, want uint64) ([]*jetstream.RawStreamMsg, error) {
	nc, err := dialNATS(url)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var s jetstream.Stream
	for {
		s, err = js.Stream(ctx, stream)
		if err == nil && s.CachedInfo().State.Msgs >= want {
			break
		}
		if err == nil {
			err = fmt.Errorf("%w: %s holds %d messages, want %d", errCount, stream, s.CachedInfo().State.Msgs, want)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
	state := s.CachedInfo().State
	if state.Msgs != want || state.LastSeq != want {
		return nil, fmt.Errorf("%w: %s holds %d messages and has taken %d, want %d", errCount, stream, state.Msgs, state.LastSeq, want)
	}
	messages := make([]*jetstream.RawStreamMsg, 0, want)
	for seq := range want {
		m, err := s.GetMsg(ctx, seq+1)
		if err != nil {
			return nil, fmt.Errorf("reading %d of %s: %w", seq+1, stream, err)
		}
		messages = append(messages, m)
	}
	return messages, nil
}

var variable = map[string]*regexp.Regexp{
	"ce-recordedtime": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`),
	"ce-whingestid":   regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`),
}

// ofServer are headers that the server adds to what it is asked for.
var ofServer = map[string]bool{
	"Nats-Stream": true, "Nats-Subject": true, "Nats-Sequence": true, "Nats-Time-Stamp": true,
	"Nats-Last-Sequence": true, "Nats-Num-Pending": true,
}

func renderMessage(m *jetstream.RawStreamMsg) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, m.Subject)
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if ofServer[name] {
			continue
		}
		for _, value := range m.Header[name] {
			if re, ok := variable[name]; ok && re.MatchString(value) {
				value = "*"
			}
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", m.Data)
	return b.Bytes()
}
