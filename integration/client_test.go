package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// request is one HTTP request as the scripts describe it. It is written to the
// connection byte by byte, because most of what is tested here no HTTP library
// would send.
type request struct {
	method, url string
	host        string   // of the header, if it is not the URL's
	header      []string // "Name: value"
	body        []byte

	sign, secret string        // how to sign: github, sendgrid, stripe, slack, nylas or getstream
	age          time.Duration // of the signature
	sent         []byte        // the body to send instead of the signed one
	gzip         string        // compress the body: "first", or "last", after it is signed

	chunked bool
	cut     bool // send half of the body, then end the sending side
	slow    bool // send half of the body, then nothing
	trickle bool // send ten bytes of the body in a second
}

func newFlagSet(name string) *flag.FlagSet {
	return flag.NewFlagSet(name, flag.ContinueOnError)
}

// signature returns the headers of the senders' documentation. Nothing of
// package verifiers is used: the signer must not share its mistakes.
func (r *request) signature(now time.Time) ([]string, error) {
	mac := hmac.New(sha256.New, []byte(r.secret))
	stamp := strconv.FormatInt(now.Add(-r.age).Unix(), 10)
	switch r.sign {
	case "":
		return nil, nil
	case "github":
		mac.Write(r.body)
		return []string{"X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil))}, nil
	case "nylas":
		mac.Write(r.body)
		return []string{"X-Nylas-Signature: " + hex.EncodeToString(mac.Sum(nil))}, nil
	case "getstream":
		mac.Write(r.body)
		return []string{"X-Signature: " + hex.EncodeToString(mac.Sum(nil))}, nil
	case "stripe":
		fmt.Fprintf(mac, "%s.%s", stamp, r.body)
		return []string{"Stripe-Signature: t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))}, nil
	case "slack":
		fmt.Fprintf(mac, "v0:%s:%s", stamp, r.body)
		return []string{
			"X-Slack-Request-Timestamp: " + stamp,
			"X-Slack-Signature: v0=" + hex.EncodeToString(mac.Sum(nil)),
		}, nil
	case "sendgrid": // with a private key
		der, err := base64.StdEncoding.DecodeString(r.secret)
		if err != nil {
			return nil, err
		}
		key, err := x509.ParseECPrivateKey(der)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(append([]byte(stamp), r.body...))
		sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		return []string{
			"X-Twilio-Email-Event-Webhook-Timestamp: " + stamp,
			"X-Twilio-Email-Event-Webhook-Signature: " + base64.StdEncoding.EncodeToString(sig),
		}, nil
	default:
		return nil, fmt.Errorf("cannot sign as %q", r.sign)
	}
}

// do sends the request on a connection of its own and returns the answer.
func (r *request) do(timeout time.Duration) (resp *http.Response, body []byte, err error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, nil, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, timeout)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, nil, err
	}
	head, sent, err := r.bytes(u)
	if err != nil {
		return nil, nil, err
	}
	if r.cut || r.slow {
		sent = sent[:len(sent)/2]
	}
	rest := sent
	if r.trickle {
		sent = nil
	}
	if _, err := conn.Write(append(head, sent...)); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		return nil, nil, err // a refusal may come before all is sent
	}
	if r.trickle {
		go trickle(conn, rest) // until it ends, or the connection does
	}
	if tcp, ok := conn.(*net.TCPConn); ok && r.cut {
		if err := tcp.CloseWrite(); err != nil {
			return nil, nil, err
		}
	}
	resp, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer: %w", err)
	}
	body, err = io.ReadAll(resp.Body)
	return resp, body, err
}

func trickle(w io.Writer, text []byte) {
	for i := range text {
		if _, err := w.Write(text[i : i+1]); err != nil {
			return
		}
		time.Sleep(time.Second / 10)
	}
}

func (r *request) bytes(u *url.URL) (head, body []byte, err error) {
	if r.gzip == "first" {
		r.body = compress(r.body)
	}
	signature, err := r.signature(time.Now())
	if err != nil {
		return nil, nil, err
	}
	body = r.body
	if r.sent != nil {
		body = r.sent
	}
	if r.gzip == "last" {
		body = compress(body)
	}
	if r.gzip != "" {
		signature = append(signature, "Content-Encoding: gzip")
	}
	host := r.host
	if host == "" {
		host = u.Host
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.method, u.RequestURI(), host)
	for _, line := range slices.Concat(r.header, signature) {
		b.WriteString(line + "\r\n")
	}
	if !r.chunked {
		if body != nil {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
		}
		b.WriteString("\r\n")
		return b.Bytes(), body, nil
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	var chunks bytes.Buffer
	for chunk := range slices.Chunk(body, 1000) {
		fmt.Fprintf(&chunks, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	chunks.WriteString("0\r\n\r\n")
	return b.Bytes(), chunks.Bytes(), nil
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// render writes the answer as the scripts compare it: the status, the headers
// in order, an empty line and the body.
func render(w io.Writer, resp *http.Response, body []byte) error {
	var b strings.Builder
	fmt.Fprintln(&b, resp.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	_, err := fmt.Fprintf(w, "%s\n%s", b.String(), body)
	return err
}

// runDeliveries sends signed GitHub events, load-0 and so on, until it gets
// SIGTERM, and says how often each status was answered. As senders do, it tries
// again when no answer comes.
//
//	deliveries URL SECRET
func runDeliveries() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	counts := map[int]int{}
	for i, failed := 0, 0; ; {
		select {
		case <-stop:
			for _, status := range slices.Sorted(maps.Keys(counts)) {
				fmt.Printf("%d: %d\n", status, counts[status])
			}
			os.Exit(0)
		default:
		}
		r := request{
			method: http.MethodPost, url: os.Args[1], sign: "github", secret: os.Args[2],
			body: fmt.Appendf(nil, `{"n":%d}`, i),
			header: []string{
				"Content-Type: application/json", "X-GitHub-Event: push",
				fmt.Sprintf("X-GitHub-Delivery: load-%d", i),
			},
		}
		resp, _, err := r.do(patience)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			if failed++; failed == 10 {
				os.Exit(1)
			}
			continue
		}
		counts[resp.StatusCode]++
		i, failed = i+1, 0
	}
}
