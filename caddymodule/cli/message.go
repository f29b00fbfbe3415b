package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// maxShown is how much of a payload a person is shown.
const maxShown = 4 << 10

// fetchTimeout bounds reading one body that is kept apart.
const fetchTimeout = 30 * time.Second

// record is an event in JSON.
type record struct {
	Stream  string              `json:"stream"`
	Seq     uint64              `json:"seq"`
	Time    time.Time           `json:"time"`
	Subject string              `json:"subject"`
	Headers map[string][]string `json:"headers"`
	// Payload is the exact bytes if they are UTF-8, else PayloadBase64 is.
	Payload       *string `json:"payload,omitempty"`
	PayloadBase64 []byte  `json:"payload_base64,omitempty"`
	// PayloadError says why a payload that is kept apart could not be read.
	PayloadError string `json:"payload_error,omitempty"`
}

func (o *TailOptions) write(ctx context.Context, w io.Writer, js jetstream.JetStream, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	data := m.Data()
	var missing error
	if o.Fetch {
		short, cancel := context.WithTimeout(ctx, fetchTimeout)
		data, missing = natspub.Body(short, js, m.Headers(), data)
		cancel()
	}
	if o.JSON {
		return writeJSON(w, m, meta, data, missing)
	}
	return o.writeText(w, m, meta, data, missing)
}

func writeJSON(w io.Writer, m jetstream.Msg, meta *jetstream.MsgMetadata, data []byte, missing error) error {
	r := record{
		Stream: meta.Stream, Seq: meta.Sequence.Stream, Time: meta.Timestamp.UTC(),
		Subject: m.Subject(), Headers: m.Headers(),
	}
	switch {
	case missing != nil:
		r.PayloadError = missing.Error()
	case utf8.Valid(data):
		text := string(data)
		r.Payload = &text
	default:
		r.PayloadBase64 = data
	}
	return printJSON(w, r)
}

func (o *TailOptions) writeText(w io.Writer, m jetstream.Msg, meta *jetstream.MsgMetadata, data []byte, missing error) error {
	text, more := data, ""
	if len(data) > maxShown {
		text = []byte(strings.ToValidUTF8(string(data[:maxShown]), ""))
		more = fmt.Sprintf("\n  … %d bytes more; --json has them all", len(data)-len(text))
	}
	h := m.Headers()
	switch ref := h.Get("ce-dataref"); {
	case missing != nil:
		more = "\n  " + visible(missing.Error(), false)
	case ref != "" && !o.Fetch:
		more = "\n  its " + header(h, "ce-whsize") + " bytes are kept apart; --fetch reads them"
	}
	var details strings.Builder
	trust := ""
	if value := header(h, "ce-whtrust"); value != "" { // operational events have none
		trust = "  trust " + value
	}
	for _, d := range []struct{ name, header string }{{"schema", "ce-whschema"}, {"reason", "ce-whreason"}, {"detail", "ce-whdetail"}} {
		if value := header(h, d.header); value != "" && value != "none" {
			details.WriteString("  " + d.name + " " + value)
		}
	}
	if o.Headers {
		for _, name := range slices.Sorted(maps.Keys(h)) {
			for _, value := range h[name] {
				details.WriteString("\n  " + visible(name, false) + ": " + visible(value, false))
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s  %s\n  seq %d  id %s  type %s%s  %d bytes%s\n  %s%s\n\n",
		meta.Timestamp.Format("2006-01-02 15:04:05.000"), visible(m.Subject(), false),
		meta.Sequence.Stream, header(h, "ce-id"), header(h, "ce-type"), trust, len(data), details.String(),
		strings.ReplaceAll(strings.TrimRight(visible(pretty(text), true), "\n"), "\n", "\n  "), more)
	return err
}

// header returns a header's value as it was before it was escaped for NATS.
func header(h nats.Header, name string) string {
	value := h.Get(name)
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	return visible(value, false)
}

// pretty indents a payload that is JSON and not nested so deeply that nobody
// could read it.
func pretty(data []byte) string {
	const deepest = 40
	depth, most := 0, 0
	for _, c := range data {
		switch c {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	var b bytes.Buffer
	if most > deepest || json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}
