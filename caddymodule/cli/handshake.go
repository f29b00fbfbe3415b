package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// sendHandshakes sends each challenge of the provider, and compares the answer with
// what the provider demands.
func sendHandshakes(ctx context.Context, p verifiers.Provider, o *SendOptions, out io.Writer) error {
	if len(p.Handshakes) == 0 {
		return fmt.Errorf("%w: --handshake: %s sends no challenge", ErrUsage, p.Name)
	}
	s, err := newRequester(p, o)
	if err != nil {
		return err
	}
	sent, failed, skipped, finding := 0, 0, "", ""
	for i := range p.Handshakes {
		h := &p.Handshakes[i]
		if why := s.unplayable(h); why != "" {
			skipped = why
			o.note("%s of %s is left out: %s", h.Name, p.Name, why)
			continue
		}
		res, err := s.shake(ctx, i)
		if err != nil {
			return err
		}
		if sent++; !res.OK {
			failed++
			finding = fmt.Sprintf("%s: %s", h.Name, res.Finding)
		}
		if err := printHandshake(out, res, o.JSON); err != nil {
			return err
		}
	}
	switch {
	case sent == 0:
		return fmt.Errorf("%w: --handshake of %s: %s", ErrNotSignable, p.Name, skipped)
	case failed > 0:
		return fmt.Errorf("%w: %s (%d of %d challenges)", ErrUnexpectedStatus, finding, failed, sent)
	}
	return nil
}

// unplayable says why a challenge cannot be sent from here; "" means that it can.
func (s *sender) unplayable(h *verifiers.Handshake) string {
	if h.Signed {
		if err := signable(s.provider); err != nil {
			return "it is signed, and only the sender itself can sign it"
		}
	}
	if !h.Confirm.IsZero() && h.ConfirmOption == "" {
		return "the receiver has to fetch a URL of " + strings.Join(h.Pin.Hosts, " or ") + " that only the sender can make"
	}
	return ""
}

// shake sends one challenge.
func (s *sender) shake(ctx context.Context, i int) (Sent, error) {
	h := &s.provider.Handshakes[i]
	if err := s.needs(h); err != nil {
		return Sent{}, err
	}
	at := time.Now()
	req, err := s.challenge(i, at)
	if err != nil {
		return Sent{}, err
	}
	if h.Signed {
		if req, err = s.sign(req, at); err != nil {
			return Sent{}, fmt.Errorf("signing %s: %w", h.Name, err)
		}
	}
	want, err := h.Answer(ctx, s.received(req), s.config)
	if err != nil {
		return Sent{}, fmt.Errorf("%w: %s: %w", ErrUsage, h.Name, err)
	}
	m := s.pack(req)
	a, err := s.do(ctx, m)
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{
		Status: a.status, Body: string(a.body), Millis: time.Since(at).Milliseconds(), Handshake: h.Name,
		Finding: differs(want, a, m.req.Method),
	}
	if s.options.Expect != 0 {
		sent.Finding, sent.OK = s.judge(sent.Status)
	} else {
		sent.OK = sent.Finding == ""
	}
	return sent, nil
}

// needs sees to it that there is what a challenge and its answer are made of.
func (s *sender) needs(h *verifiers.Handshake) error {
	p := s.provider
	names := optionNames(h)
	for i := range p.Options {
		o := &p.Options[i]
		if !slices.Contains(names, o.Name) || s.config.Options[o.Name] != "" {
			continue
		}
		how := "--option " + o.Name + "=…"
		if o.Secret {
			how = "the environment variable " + optionVariable(p, o) + ", or --option-env " + o.Name + "=VARIABLE"
		}
		return fmt.Errorf("%w: --handshake: %s of %s needs the option %s as the receiver has it: %s", ErrUsage, h.Name, p.Name, o.Name, how)
	}
	proof := h.Reply.Custom != nil || h.Reply.Proof != nil && !h.Reply.Proof.Plain
	if s.config.Keys != nil || !h.Signed && !proof {
		return nil
	}
	key, err := secretKey(p, s.options)
	if err != nil {
		return err
	}
	s.config.Keys = verifiers.Keys{key}
	return nil
}

var (
	optionToken = regexp.MustCompile(`\{option:([^{}]+)\}`)
	sourceToken = regexp.MustCompile(`\{(query|json|header|form):([^{}]+)\}`)
)

// templates are the texts of an answer that name parts of the request.
func templates(r *verifiers.Reply) []string {
	texts := []string{r.Template}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		texts = append(texts, r.Header[name])
	}
	if r.Proof != nil {
		texts = append(texts, r.Proof.Content)
	}
	return texts
}

func optionNames(h *verifiers.Handshake) []string {
	names := []string{h.TokenOption}
	for _, text := range templates(&h.Reply) {
		for _, m := range optionToken.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// echoed are the places that an answer repeats, or proves that it has read.
func echoed(r *verifiers.Reply) []verifiers.Source {
	var sources []verifiers.Source
	if !r.Echo.IsZero() {
		sources = append(sources, r.Echo)
	}
	for _, text := range templates(r) {
		for _, m := range sourceToken.FindAllStringSubmatch(text, -1) {
			switch m[1] {
			case "query":
				sources = append(sources, verifiers.Query(m[2]))
			case "json":
				sources = append(sources, verifiers.JSON(m[2]))
			case "header":
				sources = append(sources, verifiers.Header(m[2]))
			case "form":
				sources = append(sources, verifiers.Form(m[2]))
			}
		}
	}
	return sources
}

// challenge makes the request of a handshake, not signed: from an event, of which a
// signature may need parts, or from nothing.
func (s *sender) challenge(i int, at time.Time) (*verifiers.Request, error) {
	h := &s.provider.Handshakes[i]
	for _, empty := range []bool{!h.Signed, true} {
		d, err := newDraft(s.provider, s.signed, "", "", at)
		if err != nil {
			return nil, err
		}
		e := newEditor(d.req)
		if empty {
			e = emptyEditor(s.signed, h, d.req.Body)
		}
		e.req.Method = or(h.Method, http.MethodPost)
		if err := s.fill(e, h); err != nil {
			return nil, err
		}
		maps.Copy(e.req.Header, s.header)
		if s.isHandshake(e.req, i) {
			return e.req, nil
		}
	}
	return nil, fmt.Errorf("--handshake: %s of %s cannot be made", h.Name, s.provider.Name)
}

// isHandshake reports whether a receiver takes the request for this handshake.
func (s *sender) isHandshake(req *verifiers.Request, i int) bool {
	for j := range s.provider.Handshakes[:i+1] {
		if s.provider.Handshakes[j].Matches(s.received(req)) {
			return j == i
		}
	}
	return false
}

// members are, by provider, what else is in its challenges and signed with them.
var members = map[string][]verifiers.Match{
	"aws-sns": {verifiers.JSON("/Token").Present(), verifiers.Header("X-Amz-Sns-Message-Type").Is("SubscriptionConfirmation")},
}

// fill writes into a request what makes a handshake of it.
func (s *sender) fill(e *editor, h *verifiers.Handshake) error {
	for _, m := range slices.Concat(h.When, members[s.provider.Name]) {
		switch {
		case m.Absent:
			e.remove(m.Source)
		case m.Equals != "":
			e.set(m.Source, m.Equals)
		case !e.has(m.Source):
			e.set(m.Source, challengeText(m.Source))
		}
	}
	if !h.Token.IsZero() {
		e.set(h.Token, s.config.Options[h.TokenOption])
	}
	if !h.Capture.IsZero() {
		secret, err := freshSecret(s.provider)
		if err != nil {
			return err
		}
		if h.Code {
			secret = challengeText(h.Capture)
		}
		e.set(h.Capture, secret)
	}
	if !h.Confirm.IsZero() && len(h.Pin.Hosts) > 0 {
		e.set(h.Confirm, "https://"+strings.ReplaceAll(h.Pin.Hosts[0], "*", "us-east-1")+"/")
	}
	for _, source := range echoed(&h.Reply) {
		if !e.has(source) {
			e.set(source, challengeText(source))
		}
	}
	return e.encode()
}

// challengeText is a challenge that nobody can guess. Some receivers read Meta's as a
// number, and Braintree's are hexadecimal.
func challengeText(s verifiers.Source) string {
	if s.Query == "hub.challenge" {
		n, err := rand.Int(rand.Reader, big.NewInt(9e9))
		if err != nil {
			panic(err) // the system has no randomness
		}
		return n.Add(n, big.NewInt(1e9)).String()
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// differs says in what an answer is not what the provider demands; "" means in
// nothing. Where any success will do, so does any here.
func differs(want verifiers.Answer, got answered, method string) string {
	switch {
	case want.Status == http.StatusOK && got.status/100 != 2:
		return fmt.Sprintf("the answer was %d, not 2xx", got.status)
	case want.Status != http.StatusOK && got.status != want.Status:
		return fmt.Sprintf("the answer was %d, not %d", got.status, want.Status)
	}
	for _, name := range slices.Sorted(maps.Keys(want.Header)) {
		if value := got.header.Get(name); value != want.Header[name] {
			if value == "" {
				return "the answer has no header " + name
			}
			return "the header " + name + " of the answer is not the one that is asked for"
		}
	}
	if len(want.Body) == 0 || method == http.MethodHead || sameBody(want, got.body) {
		return ""
	}
	switch trimmed := bytes.Trim(got.body, " \t\r\n\""); {
	case len(got.body) == 0:
		return "the answer is empty: the challenge has to be in it"
	case bytes.Equal(trimmed, want.Body):
		return "the answer is the right one with quotes or white space around it"
	}
	return "the body of the answer is not the one that is asked for"
}

func sameBody(want verifiers.Answer, body []byte) bool {
	media, _, err := mime.ParseMediaType(want.ContentType)
	if err != nil || media != "application/json" {
		return bytes.Equal(want.Body, body)
	}
	var a, b any
	return json.Unmarshal(want.Body, &a) == nil && json.Unmarshal(body, &b) == nil && reflect.DeepEqual(a, b)
}

func printHandshake(out io.Writer, s Sent, asJSON bool) error {
	if asJSON {
		return printJSON(out, s)
	}
	style := StyleOf(out)
	said := "answered as it has to be"
	if !s.OK {
		said = style.Bad(s.Finding)
	}
	line := fmt.Sprintf("%s %s: %s  %s", style.verdict(s.Status, s.OK), s.Handshake, said, style.Faint(fmt.Sprintf("(%d ms)", s.Millis)))
	if body := strings.TrimSpace(s.Body); body != "" && !s.OK {
		line += "\n    " + visible(body, false)
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
