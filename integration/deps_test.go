package integration

import (
	"bufio"
	"bytes"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/caddy-webhooks/caddy-webhooks"

type rule struct {
	pkg       string
	allow     []string
	rationale string
}

// rules are the arrows between packages: what each may import, in files that are
// not tests. What is not listed is forbidden. Packages of ours are written
// without the module's path; "std" is the standard library.
var rules = []rule{
	{"verifiers", []string{"std", "verifiers/undo", "golang.org/x/text"}, "whoever imports the engine alone must get next to nothing else with it, and it must be possible to audit; Unicode normalization, which one sender applies to secrets, is not in the standard library"},
	{"verifiers/undo", []string{"std"}, "it undoes changes of bytes and URLs, and knows no scheme"},
	{"verifiers/internal/canon", []string{"std"}, "it is a part of the engine"},
	{"verifiers/internal/secp256k1", []string{"std"}, "it is a curve that the standard library lacks, and nothing else"},
	{"verifiers/providers", []string{"std", "verifiers", "verifiers/internal/canon", "verifiers/internal/secp256k1"}, "a provider is data in the engine's words"},
	{"verifiers/keyfetch", []string{"std", "verifiers"}, "it is the one place that fetches what a request names"},
	{"verifiers/verifiertest", []string{"std", "verifiers"}, "vectors judge a catalogue from outside"},
	{"schemas", []string{"std", "schemas/internal/jsonptr", "github.com/santhosh-tekuri/jsonschema/v5"}, "the validator is replaceable behind our own interface"},
	{"schemas/internal/jsonptr", []string{"std"}, "a pointer needs nothing but the document"},
	{"schemas/internal/shape", []string{"std"}, "guesses by looks need nothing but the text"},
	{"schemas/drift", []string{"std", "schemas/internal/shape"}, "what payloads look like is learned from them, without schemas, and without a gateway"},
	{"schemas/bundled", []string{"std"}, "it is files, and whoever loads them knows how"},
	{"schemas/infer", []string{"std", "schemas/internal/shape"}, "a schema is made of samples without a validator"},
	{"schemas/diff", []string{"std", "schemas", "schemas/internal/jsonptr", "github.com/santhosh-tekuri/jsonschema/v5"}, "what is compared is what the validator compiles"},
	{"schemas/lint", []string{"std", "schemas", "schemas/internal/jsonptr"}, "it looks at files, as whoever writes them sees them"},
	{"caddymodule/gateway", []string{"std", "verifiers"}, "the core must be usable and testable without Caddy, NATS or a validator"},
	{"caddymodule/gateway/gatewaytest", []string{"std", "verifiers", "caddymodule/gateway"}, "fakes know the core's interfaces only"},
	{"caddymodule/tenants", []string{"std", "verifiers", "caddymodule/gateway"}, "looking secrets up is tested without Caddy and NATS"},
	{"caddymodule/natspub", []string{"std", "caddymodule/gateway", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys"}, "a client must not bring a server with it"},
	{"caddymodule/natsembed", []string{"std", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go", "golang.org/x/sys"}, "the server is nine megabytes that only embedding needs"},
	{"caddymodule/driftbook", []string{"std", "schemas/drift"}, "files and bounds are tested without Caddy and NATS"},
	{"caddymodule/cli/internal/capture", []string{"std"}, "captures are texts, whoever judges them"},
	{"caddymodule/cli", []string{
		"std", "verifiers", "verifiers/undo", "caddymodule/cli/internal/capture", "verifiers/providers", "schemas", "schemas/bundled", "schemas/infer", "schemas/diff", "schemas/lint", "caddymodule/gateway", "caddymodule/natspub",
		"caddymodule/cli/conformance", "github.com/nats-io/nats.go", "golang.org/x/term",
	}, "commands are tested without a terminal and without Caddy; x/term says whether there is one, and how wide, on each system"},
	{"caddymodule/cli/conformance", []string{"std", "verifiers"}, "a receiver is examined without a gateway, and without a catalogue"},
	{"caddymodule", []string{
		"std", "verifiers", "verifiers/providers", "verifiers/keyfetch", "schemas", "schemas/bundled", "schemas/drift",
		"caddymodule/gateway", "caddymodule/tenants", "caddymodule/driftbook", "caddymodule/natspub", "caddymodule/natsembed", "caddymodule/cli",
		"github.com/caddyserver/caddy/v2", "github.com/prometheus/client_golang", "github.com/spf13/cobra", "github.com/spf13/pflag",
		"github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/dustin/go-humanize", "cel.dev/cel-go",
		"go.opentelemetry.io/otel/trace",
	}, "it is thin: Caddy's types come in, options of the packages below go out; CEL is Caddy's own, and comes with it; Caddy's tracing says with OpenTelemetry's type which span a request has; pflag is how cobra has flags"},
	{"integration", nil, "tests alone, and nothing imports them"},
	{"integration/powercut", []string{"std"}, "disks for tests, and only tests import them"},
}

// packages returns the import path of each package of the module, with what it
// imports.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		imports[ours(fields[0])] = fields[1:]
	}
	return imports
}

func goList(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("go list: %s", stderr.String())
	}
	return out, err
}

// ours shortens the path of a package of the module.
func ours(importPath string) string { return strings.TrimPrefix(importPath, modulePath+"/") }

func TestImports(t *testing.T) {
	t.Parallel()
	all := packages(t)
	for _, r := range rules {
		if _, ok := all[r.pkg]; !ok {
			t.Errorf("there is no package %s any more: remove its rule", r.pkg)
		}
	}
	for pkg, imports := range all {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.pkg == pkg })
		if i < 0 {
			t.Errorf("the package %s has no rule: say in rules what it may import, and why", pkg)
			continue
		}
		for _, imported := range imports {
			if !allowed(rules[i].allow, imported) {
				t.Errorf("%s imports %s: %s", pkg, ours(imported), rules[i].rationale)
			}
		}
	}
}

// standard matches import paths of the standard library: their first element
// has no dot.
var standard = regexp.MustCompile(`^[^./]+(/|$)`)

func allowed(list []string, imported string) bool {
	return slices.ContainsFunc(list, func(allow string) bool {
		switch {
		case allow == "std":
			return standard.MatchString(imported)
		case strings.HasPrefix(imported, modulePath):
			return ours(imported) == allow
		}
		return imported == allow || strings.HasPrefix(imported, allow+"/")
	})
}

// forbidden are what must not come with a package, not even through others.
var forbidden = []struct {
	pkg, prefix string
	rationale   string
}{
	{"verifiers/...", "github.com/", "the library promises that it needs next to nothing"},
	{"verifiers/...", "golang.org/", "the library promises that it needs Unicode normalization and nothing else"},
	{"schemas", "github.com/santhosh-tekuri/jsonschema/v5/httploader", "a schema must not make the gateway fetch anything"},
	{"caddymodule/gateway", "github.com/", "the core has no dependency"},
	{"caddymodule/natspub", "github.com/nats-io/nats-server", "a gateway of an external cluster needs no server"},
	{"caddymodule/natspub", "github.com/caddyserver", "only caddymodule itself knows Caddy"},
	{"caddymodule/natsembed", "github.com/caddyserver", "only caddymodule itself knows Caddy"},
	{"caddymodule/cli", "github.com/caddyserver", "only caddymodule itself knows Caddy"},
	{"caddymodule/cli", "github.com/spf13/cobra", "flags are the caller's business"},
	{"caddymodule/cli", "github.com/nats-io/nats-server", "commands are clients"},
}

func TestForbiddenDependencies(t *testing.T) {
	t.Parallel()
	for _, f := range forbidden {
		t.Run(f.pkg+" "+f.prefix, func(t *testing.T) {
			t.Parallel()
			out, err := goList(t, "-deps", "-f", "{{.ImportPath}}", "./"+f.pkg)
			if err != nil {
				t.Fatal(err)
			}
			deps := strings.Fields(string(out))
			if !slices.Contains(deps, path.Join(modulePath, strings.TrimSuffix(f.pkg, "/..."))) {
				t.Fatalf("go list does not know %s", f.pkg)
			}
			for _, dep := range deps {
				normalization := f.pkg == "verifiers/..." && strings.HasPrefix(dep, "golang.org/x/text/")
				if strings.HasPrefix(dep, f.prefix) && !strings.HasPrefix(dep, modulePath) && !normalization {
					t.Errorf("%s needs %s: %s", f.pkg, dep, f.rationale)
				}
			}
		})
	}
}
