package cli

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// samples has a small event for each provider, samples/<provider>.json, and the
// bodies of events of other types, samples/types/<provider>/<type>.json or .form.
// In the file's name "/" is "+", and ":" is "=".
//
//go:embed samples
var samples embed.FS

// sample is an event in the provider's form, as the provider writes it: with an
// id, a type and a time, which are replaced in their form. What only the sender's
// key can make is left out, or is what anybody can see that it is not real.
type sample struct {
	// Method is the HTTP method, if it is not the provider's first.
	Method string `json:"method"`
	// Query is added to the URL.
	Query string `json:"query"`
	// Options are those with which a receiver takes the event.
	Options map[string]string `json:"options"`
	// Header has the headers but for the signature. Content-Type is that of the
	// body, if it is not here.
	Header map[string]string `json:"header"`
	// One of them is the body. In Text "{uuid}" stands for a fresh UUID, and
	// "{now}" for the time.
	JSON json.RawMessage `json:"json"`
	Form string          `json:"form"`
	Text string          `json:"text"`
}

// loadSample returns the provider's sample of a type; "" is the sample's own. A
// type of which there is no sample has the payload of one that is near: of the
// same object with another action, or else of the sample's own type. A provider
// without a sample, such as one that the operator describes, gets an event that
// has only what its sources name.
func loadSample(provider, kind string) (sample, error) {
	s, err := ownSample(provider)
	if err != nil || kind == "" {
		return s, err
	}
	own, err := typeSample(provider, kind)
	if err != nil {
		return s, fmt.Errorf("reading the sample of %s, %s: %w", provider, kind, err)
	}
	if own != nil {
		s.JSON, s.Form, s.Text = own.JSON, own.Form, ""
	}
	return s, nil
}

var inFileName = strings.NewReplacer("/", "+", ":", "=")

// typeSample returns the body of the type, or of one that is near; nil if there is
// none.
func typeSample(provider, kind string) (*sample, error) {
	dir := "samples/types/" + provider
	entries, err := samples.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := inFileName.Replace(kind)
	found := ""
	for _, e := range entries {
		file := e.Name()
		switch typ := strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".form"); {
		case typ == name:
			found = file
		case found == "" && (typ == objectOf(name) || objectOf(typ) == objectOf(name) || objectOf(typ) == name):
			found = file
		}
	}
	if found == "" {
		return nil, nil
	}
	text, err := samples.ReadFile(dir + "/" + found)
	if strings.HasSuffix(found, ".form") {
		return &sample{Form: strings.TrimSpace(string(text))}, err
	}
	return &sample{JSON: text}, err
}

// objectOf is a type without its action: the last part.
func objectOf(typeName string) string {
	if i := strings.LastIndexAny(typeName, ".+"); i > 0 {
		return typeName[:i]
	}
	return typeName + "." // is not the object of another
}

// ownSample returns the provider's sample of the sample's own type.
func ownSample(provider string) (sample, error) {
	s := sample{JSON: json.RawMessage(`{"event":"test","hello":"world"}`)}
	text, err := samples.ReadFile("samples/" + provider + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	s = sample{}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("reading the sample of %s: %w", provider, err)
	}
	return s, nil
}

// SampleOptions returns the options with which a receiver of the provider takes
// the sample event: those that are required, and those that name what is in it.
func SampleOptions(provider string) map[string]string {
	s, err := ownSample(provider)
	if err != nil || s.Options == nil {
		return map[string]string{}
	}
	return s.Options
}

// finish has, by provider, what else depends on the type.
var finish = map[string]func(req *verifiers.Request, kind string){
	"gitlab": gitlabEvent, "gitlab-signing-token": gitlabEvent,
}

// gitlabEvent writes the header, whose words are those of the type.
func gitlabEvent(req *verifiers.Request, kind string) {
	kind, _, _ = strings.Cut(kind, ".")
	words := strings.Split(kind, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	req.Header.Set("X-Gitlab-Event", strings.Join(words, " ")+" Hook")
}

const (
	mediaForm = "application/x-www-form-urlencoded"
	mediaJSON = "application/json"
)

// media is the type of the sample's body.
func (s *sample) media(p verifiers.Provider) string {
	switch {
	case s.Header["Content-Type"] != "":
		return s.Header["Content-Type"]
	case s.Form != "":
		return mediaForm
	case s.JSON != nil && len(p.ContentTypes) == 0:
		return mediaJSON
	case len(p.ContentTypes) > 0:
		return p.ContentTypes[0]
	}
	return "text/plain; charset=utf-8"
}

// method is the sample's method.
func (s *sample) method(p verifiers.Provider) string {
	switch {
	case s.Method != "":
		return s.Method
	case len(p.Methods) > 0:
		return p.Methods[0]
	}
	return http.MethodPost
}

// isForm reports whether the provider's sample is a form.
func isForm(provider string) bool {
	s, err := ownSample(provider)
	return err == nil && s.Form != ""
}
