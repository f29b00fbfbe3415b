package natspub

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// TestContext: each way to log in that a context of the nats tool has, at a
// server that demands it, and the same server without it.
func TestContext(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("CREDS_DIR", config)
	if err := os.MkdirAll(filepath.Join(config, "nats", "context"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	seedFile := filepath.Join(dir, "user.nk")
	if err := os.WriteFile(seedFile, append([]byte("# the gateway's\n"), seed...), 0o600); err != nil {
		t.Fatal(err)
	}
	creds, jwtServer := credentials(t)
	text, err := os.ReadFile(creds)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "user.creds"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	userJWT, err := jwt.ParseDecoratedJWT(text)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := jwt.ParseDecoratedUserNKey(text)
	if err != nil {
		t.Fatal(err)
	}
	jwtSeed, _ := pair.Seed()
	jwtSeedFile := filepath.Join(dir, "jwt.nk")
	if err := os.WriteFile(jwtSeedFile, jwtSeed, 0o600); err != nil {
		t.Fatal(err)
	}
	ca, serverTLS, client := mutualTLS(t, dir)
	fakeNSC(t, dir, creds)

	for _, tt := range []struct {
		name   string
		server func(*server.Options)
		file   map[string]any
	}{
		{"user", func(o *server.Options) { o.Username, o.Password = "u", "p" }, map[string]any{"user": "u", "password": "p"}},
		{"user in the URL", func(o *server.Options) { o.Username, o.Password = "u", "p" }, map[string]any{"login": "u:p@"}},
		{"token", func(o *server.Options) { o.Authorization = "t" }, map[string]any{"token": "t"}},
		{"token in the URL", func(o *server.Options) { o.Authorization = "t" }, map[string]any{"login": "t@"}},
		{"nkey", func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} }, map[string]any{"nkey": seedFile}},
		{"creds", jwtServer, map[string]any{"creds": "$CREDS_DIR/user.creds"}},
		{"user_jwt", jwtServer, map[string]any{"user_jwt": userJWT, "nkey": jwtSeedFile}},
		{"nsc", jwtServer, map[string]any{"nsc": "nsc://operator/account/user"}},
		{"certificate", serverTLS, map[string]any{"ca": ca.cert, "cert": client.cert, "key": client.key}},
		{"TLS first", func(o *server.Options) { serverTLS(o); o.TLSHandshakeFirst = true }, map[string]any{"ca": ca.cert, "cert": client.cert, "key": client.key, "tls_first": true}},
		{"inbox", func(o *server.Options) {
			o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Allow: []string{"probe"}}, Subscribe: &server.SubjectPermission{Allow: []string{"_GATEWAY.>", "probe"}},
			}}}
		}, map[string]any{"user": "u", "password": "p", "inbox_prefix": "_GATEWAY"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStream = false; tt.server(o) })
			login, _ := tt.file["login"].(string)
			tt.file["url"] = strings.Replace(s.ClientURL(), "://", "://"+login, 1)
			delete(tt.file, "login")
			writeContext(t, config, "gateway", tt.file)
			c, err := LoadContext("gateway")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(c.Connect.URLs, ","); strings.Contains(got, "@") {
				t.Errorf("got the URL %s, want it without a login: it is logged", got)
			}
			nc, err := Connect(c.Connect)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			checkFor(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
			switch tt.name {
			default:
				mustReach(t, ConnectConfig{URLs: c.Connect.URLs}, false)
				return
			case "TLS first": // to find out that it is needed takes long: TestTLSFirst
				return
			case "inbox":
			}
			// An answer comes only where the user may subscribe.
			sub, err := nc.SubscribeSync("probe")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if m, err := sub.NextMsg(5 * time.Second); err == nil {
					_ = m.Respond(nil)
				}
			}()
			if got := nc.NewRespInbox(); !strings.HasPrefix(got, "_GATEWAY.") {
				t.Errorf("got the inbox %s", got)
			}
		})
	}
}

// TestTLSFirst: without it such a server is not reached.
func TestTLSFirst(t *testing.T) {
	t.Parallel()
	ca, settings, client := mutualTLS(t, t.TempDir())
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { settings(o); o.JetStream, o.TLSHandshakeFirst = false, true })
	cfg := ConnectConfig{URLs: []string{s.ClientURL()}, CA: ca.cert, Cert: client.cert, Key: client.key, TLSFirst: true}
	mustReach(t, cfg, true)
	cfg.TLSFirst = false
	mustReach(t, cfg, false)
}

// mutualTLS makes certificates, and the settings of a server that asks for them.
func mutualTLS(t *testing.T, dir string) (ca *testCert, settings func(*server.Options), client *testCert) {
	t.Helper()
	ca = newCert(t, dir, "ca", nil)
	serverCert := newCert(t, dir, "server", ca)
	return ca, func(o *server.Options) {
		opts := &server.TLSConfigOpts{CertFile: serverCert.cert, KeyFile: serverCert.key, CaFile: ca.cert, Verify: true}
		c, err := server.GenTLSConfig(opts)
		if err != nil {
			t.Error(err)
		}
		o.TLSVerify, o.TLSConfig = true, c
	}, newCert(t, dir, "client", ca)
}

// fakeNSC puts a program on PATH that answers as nsc does.
func fakeNSC(t *testing.T, dir, creds string) {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = 'generate profile nsc://operator/account/user' ] || exit 1\necho '{\"user_creds\":%q,\"operator\":{\"service\":[\"nats://other:4222\"]}}'\n", creds)
	if err := os.WriteFile(filepath.Join(bin, "nsc"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if _, err := exec.LookPath("nsc"); err != nil {
		t.Fatal(err)
	}
}

func writeContext(t *testing.T, config, name string, file map[string]any) {
	t.Helper()
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "nats", "context", name+".json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestContextOfTool: the file is the one that the nats tool writes, and the one
// that is selected is taken where none is named. NATS_CLI is the tool.
func TestContextOfTool(t *testing.T) {
	tool := os.Getenv("NATS_CLI")
	if tool == "" {
		t.Skip("NATS_CLI is not set: make the nats tool with `go build -C integration/clients/natscli -o /tmp/nats github.com/nats-io/natscli/nats`, and set NATS_CLI=/tmp/nats")
	}
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	for _, args := range [][]string{
		{"context", "add", "edge", "--server", "nats://u:p@127.0.0.1:4333,tls://127.0.0.1:4334", "--js-domain", "hub", "--inbox-prefix", "_G"},
		{"context", "select", "edge"},
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("nats %s: %v\n%s", args, err, out)
		}
	}
	for _, name := range []string{"edge", ""} {
		c, err := LoadContext(name)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"nats://127.0.0.1:4333", "tls://127.0.0.1:4334"}
		if got := c.Connect; strings.Join(got.URLs, " ") != strings.Join(want, " ") || got.User != "u" || got.Password != "p" || got.InboxPrefix != "_G" || c.APIPrefix != "$JS.hub.API" {
			t.Errorf("%q: got %q", name, got.URLs)
		}
	}
}

func TestContextMistakes(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("PATH", config)
	if err := os.MkdirAll(filepath.Join(config, "nats", "context"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file map[string]any
		want string
	}{
		{map[string]any{"url": "nats://sekret:sekret@h", "creds": "x"}, "there is another one"},
		{map[string]any{"url": "nats://a:sekret@h,nats://b:sekret@i"}, "there is another one"},
		{map[string]any{"url": "nats://:sekret@ h"}, "not the URL"},
		{map[string]any{"socks_proxy": "h"}, "socks_proxy is not supported"},
		{map[string]any{"windows_cert_store": "user"}, "windows_cert_store is not supported"},
		{map[string]any{"creds": "op://sekret"}, "1Password"},
		{map[string]any{"nsc": "--sekret"}, "nsc://operator/account/user"},
		{map[string]any{"nsc": "nsc://a/b/c"}, "asking nsc"},
		{map[string]any{"nkey": "/nonexistent"}, "no such file"},
		{map[string]any{"user_jwt": "sekret"}, "no nkey to sign with"},
		{map[string]any{"url": 1, "password": "sekret"}, "not the JSON of a context"},
	} {
		writeContext(t, config, "x", tt.file)
		_, err := LoadContext("x")
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%v: got %v, want %q", tt.file, err, tt.want)
		}
	}
	for name, want := range map[string]string{"none": "; there are x", "../x": "not the name", "a/b": "not the name", "": "none is selected", "/nonexistent.json": "no such file"} {
		if _, err := LoadContext(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
}
