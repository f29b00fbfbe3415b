package conformance

import (
	"bufio"
	"fmt"
	"time"
)

func smugglingChecks() []Check {
	const (
		why  = "two programs that read a length in different ways take a part of one request for another one, which nobody has checked"
		cure = "use an HTTP server that refuses such requests; keep proxies up to date"
	)
	checks := []Check{
		{Code: "smuggling-lengths", Sends: "an event with two different lengths", Wants: "400", Rule: "RFC 9112 section 6.3", run: smugglingLengths},
		{Code: "smuggling-both", Sends: "an event with a length and in chunks, with another request behind the last chunk", Wants: "400, or the end of the connection after the first answer", Rule: "RFC 9112 section 6.1", run: smugglingBoth},
		{Code: "smuggling-coding", Sends: "events with transfer codings that are written in ways that some take for chunked", Wants: "400 or 501", Rule: "RFC 9112 section 6.1", run: smugglingCoding},
	}
	for i := range checks {
		c := &checks[i]
		if c.Severity = Must; c.Code == "smuggling-both" {
			c.Severity = Should // Go's own server leaves the connection open
		}
		c.Group, c.Mode, c.Why, c.Cure, c.alone = "smuggling", Smuggling, why, cure, true
	}
	return checks
}

// smuggle sends bytes after a head with these lines, and returns the answers.
func (t *trial) smuggle(e *event, body string, lines ...string) []answer {
	conn, err := t.dial(t.ctx)
	if err != nil {
		return nil
	}
	defer conn.Close()
	e.wire.extra, e.wire.length = lines, "none"
	head, _ := t.render(e)
	_ = conn.SetDeadline(time.Now().Add(min(t.timeout, 3*time.Second)))
	t.requests.Add(1)
	if _, err := conn.Write(append(head, body...)); err != nil {
		return nil
	}
	var answers []answer
	in := bufio.NewReader(conn)
	for len(answers) < 3 {
		a := readAnswer(in, e.req.Method)
		if a.err != nil {
			break
		}
		answers = append(answers, a)
	}
	return answers
}

// second is a request that is hidden behind another one.
func (t *trial) second() string {
	return "GET " + t.target.URL.EscapedPath() + "?smuggled=1 HTTP/1.1\r\nHost: " + t.target.URL.Host + "\r\n\r\n"
}

func smugglingLengths(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	t.probes++
	n := len(e.req.Body)
	answers := t.smuggle(e, string(e.req.Body)+t.second(),
		fmt.Sprintf("Content-Length: %d", n), fmt.Sprintf("Content-Length: %d", n+1))
	if len(answers) > 0 && answers[0].ok() {
		t.flaw("an event with two different lengths", e, answers[0], "it was accepted: %s", got(answers[0], t.runner))
	}
}

func smugglingBoth(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	t.probes++
	body := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n%s", len(e.req.Body), e.req.Body, t.second())
	answers := t.smuggle(e, body, fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked")
	if len(answers) > 1 {
		t.flaw("an event with a length and in chunks", e, answers[1], "what was behind it was answered as well: %s", got(answers[1], t.runner))
	}
}

func smugglingCoding(t *trial) {
	for _, coding := range []string{"xchunked", "chunked, identity", "identity, chunked-false", "chunked;q=1"} {
		e, ok := t.event()
		if !ok {
			return
		}
		t.probes++
		body := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(e.req.Body), e.req.Body)
		answers := t.smuggle(e, body, "Transfer-Encoding: "+coding)
		if len(answers) > 0 && answers[0].ok() {
			t.flaw("an event with the transfer coding "+coding, e, answers[0], "it was accepted: %s", got(answers[0], t.runner))
		}
	}
}
