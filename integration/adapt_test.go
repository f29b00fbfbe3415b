package integration

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

var updateGoldens = flag.Bool("update", false, "write the golden files of adapted Caddyfiles")

const separator = "----------\n"

// TestAdapt compares what Caddyfiles become, or the error that they give, with
// the files in caddyfile_adapt: a Caddyfile, ten dashes, JSON or error text.
func TestAdapt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("caddyfile_adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d golden files (%v), want some", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".caddyfiletest")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(data), separator)
			if !found && !*updateGoldens {
				t.Fatalf("got no line of ten dashes in %s; run the test with -update", file)
			}
			got, isError := adapted(t, []byte(input))
			if isError != strings.HasPrefix(name, "error_") {
				t.Fatalf("got %s, want an error exactly in the files error_*", got)
			}
			if *updateGoldens {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// adapted returns the indented JSON, or the text of the error.
func adapted(t *testing.T, input []byte) (text string, isError bool) {
	t.Helper()
	out, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(input, nil)
	if err != nil {
		return err.Error() + "\n", true
	}
	for _, w := range warnings {
		t.Errorf("got the warning %v, want none", w)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, out, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return indented.String() + "\n", false
}

// TestGoldenForEachSubdirective finds words of the grammar that no golden file
// uses, so that none can change unseen.
func TestGoldenForEachSubdirective(t *testing.T) {
	t.Parallel()
	var goldens strings.Builder
	files, err := filepath.Glob("caddyfile_adapt/*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "error_") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), separator)
		goldens.WriteString(input)
	}
	words := sourceMatches(t, regexp.MustCompile(`(?m)^\s*"([a-z0-9_]+)": +\{(?:repeat: true, )?parse: `))
	if len(words) < 50 {
		t.Fatalf("got %d words of the grammar, want all of them", len(words))
	}
	for _, word := range words {
		if !regexp.MustCompile(`(?m)^\s*` + word + `\b`).MatchString(goldens.String()) {
			t.Errorf("got no golden file that uses %q", word)
		}
	}
}

// TestGoldenForEachError finds messages of the Caddyfile parser that no golden
// file shows.
func TestGoldenForEachError(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	files, err := filepath.Glob("caddyfile_adapt/error_*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, message, _ := strings.Cut(string(data), separator)
		shown.WriteString(message)
	}
	messages := sourceMatches(t, regexp.MustCompile(`\bd\.Errf?\((?:"((?:[^"\\]|\\.)*)")`))
	if len(messages) < 30 {
		t.Fatalf("got %d messages, want all of them", len(messages))
	}
	for _, m := range messages {
		if !messagePattern(m).MatchString(shown.String()) {
			t.Errorf("got no golden file that shows %q", m)
		}
	}
}

// messagePattern makes a format string into an expression.
func messagePattern(format string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(strings.ReplaceAll(format, `\"`, `"`))
	return regexp.MustCompile(regexp.MustCompile(`%[svdwq]`).ReplaceAllString(quoted, `.+`))
}

// sourceMatches returns the first group of each match in the files that read
// Caddyfiles.
func sourceMatches(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	files, err := filepath.Glob("../caddymodule/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") || !strings.Contains(string(data), "caddyfile.Dispenser") {
			continue
		}
		for _, m := range re.FindAllStringSubmatch(string(data), -1) {
			found = append(found, m[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestDocumentedCaddyfiles adapts and provisions every Caddyfile that the
// README and the guides show, and the example: what is written there must load.
func TestDocumentedCaddyfiles(t *testing.T) {
	blocks := documented(t)
	for name, block := range blocks {
		t.Run(name, func(t *testing.T) {
			for _, secret := range regexp.MustCompile(`\{env\.([A-Z0-9_]+)\}`).FindAllStringSubmatch(block, -1) {
				t.Setenv(secret[1], secretFor(secret[1]))
			}
			block = documentedFiles(t, block)
			out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(block), nil)
			if err != nil {
				t.Fatalf("adapting: %v\n%s", err, block)
			}
			var cfg caddy.Config
			if err := json.Unmarshal(out, &cfg); err != nil {
				t.Fatal(err)
			}
			t.Setenv("XDG_DATA_HOME", t.TempDir())
			if err := caddy.Validate(&cfg); err != nil {
				t.Errorf("provisioning: %v\n%s", err, block)
			}
		})
	}
}

// documented returns the blocks by a name that says where they are.
func documented(t *testing.T) map[string]string {
	t.Helper()
	blocks := make(map[string]string)
	example, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	blocks["Caddyfile.example"] = string(example)
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$")
	for _, page := range append(pages, "../README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllSubmatchIndex(data, -1) {
			line := 1 + bytes.Count(data[:m[2]], []byte("\n"))
			blocks[filepath.Base(page)+"_line_"+itoa(line)] = string(data[m[2]:m[3]])
		}
	}
	return blocks
}

func itoa(n int) string {
	b, _ := json.Marshal(n) // an int
	return string(b)
}

// secretFor returns a value in the format that the secret's name suggests.
func secretFor(name string) string {
	switch {
	case strings.Contains(name, "SENDGRID"):
		return "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEN586jumfoFd+taM0Vwt0oBl0PXw1o8yGN40AAGrI2vUNk9Bhe2QiFbp2nvydU7dN752COsgRS+mrj4eKps79cg=="
	case strings.Contains(name, "DISCORD"), strings.Contains(name, "PUBLIC_KEY"):
		return strings.Repeat("5f", 32) // the public key's 32 bytes
	case strings.Contains(name, "BASE64"):
		return "YSBzZWNyZXQgb2Ygbm8gd29ydGg="
	case strings.Contains(name, "STANDARD"), strings.Contains(name, "SVIX"):
		return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	}
	return "a secret of no worth"
}

// attestSeed is the seed of an nkey that protects nothing.
const attestSeed = "SUABJPORS2PCYF7MSHPO3AAWVWOM542XNW44D5B3Z6FVKZG3PEGLUKL27A"

// documentedFiles puts a file of ours in the place of each file that a block
// names.
func documentedFiles(t *testing.T, block string) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(secretFor("")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	schemas := filepath.Join(dir, "schemas")
	for _, name := range []string{"github", "github-next", "shop"} {
		if err := os.CopyFS(filepath.Join(schemas, name), os.DirFS("testdata/github/schemas")); err != nil {
			t.Fatal(err)
		}
	}
	orders := filepath.Join(schemas, "orders")
	if err := os.Mkdir(orders, 0o700); err != nil {
		t.Fatal(err)
	}
	openAPI := `{"openapi": "3.1.0", "info": {}, "components": {"schemas": {"Order": {"type": "object"}, "OrderCreated": {"$ref": "#/components/schemas/Order"}}}}`
	if err := os.WriteFile(filepath.Join(orders, "openapi.json"), []byte(openAPI), 0o600); err != nil {
		t.Fatal(err)
	}
	block = strings.ReplaceAll(block, "/etc/caddy/schemas", schemas)
	block = strings.ReplaceAll(block, "/var/lib/caddy/secrets", dir)
	block = strings.ReplaceAll(block, "/run/secrets/webhooks/{", dir+"/{")
	block = strings.ReplaceAll(block, "/etc/caddy/kick.json", secret) // it is only read when a request comes
	context := filepath.Join(dir, "gateway.json")
	if err := os.WriteFile(context, []byte(`{"url":"nats://127.0.0.1:4222","user":"u","password":"p"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	block = strings.ReplaceAll(block, "/etc/nats/gateway.json", context)
	attest := filepath.Join(dir, "attest")
	if err := os.WriteFile(attest, []byte(attestSeed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\{file\./[^}]*\}`).ReplaceAllStringFunc(block, func(placeholder string) string {
		if strings.HasSuffix(placeholder, "/attest.pem}") {
			return "{file." + attest + "}"
		}
		return "{file." + secret + "}"
	})
}
