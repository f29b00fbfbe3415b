package natspub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// mustReach connects, and expects an answer of the server or none.
func mustReach(t *testing.T, cfg ConnectConfig, want bool) {
	t.Helper()
	nc, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if want {
		checkFor(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
		return
	}
	checkFor(t, 10*time.Second, func() error {
		switch {
		case nc.Status() == nats.CONNECTED:
			t.Fatal("connected, want it refused")
		case nc.LastError() == nil:
			return fmt.Errorf("no error yet, status %s", nc.Status())
		}
		return nil
	})
	if nc.IsClosed() {
		t.Error("it has given up, want it to go on trying: the server's users may change")
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	stranger, _ := nkeys.CreateUser()
	strange, _ := stranger.Seed()
	creds, jwtServer := credentials(t)
	for _, tt := range []struct {
		name   string
		server func(*server.Options)
		good   ConnectConfig
		bad    ConnectConfig
	}{
		{"user", func(o *server.Options) { o.Username, o.Password = "u", "p" }, ConnectConfig{User: "u", Password: "p"}, ConnectConfig{User: "u", Password: "x"}},
		{"token", func(o *server.Options) { o.Authorization = "t" }, ConnectConfig{Token: "t"}, ConnectConfig{}},
		{"nkey", func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} }, ConnectConfig{NKeySeed: seed}, ConnectConfig{NKeySeed: strange}},
		{"credentials", jwtServer, ConnectConfig{Credentials: creds}, ConnectConfig{User: "u", Password: "p"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStream = false; tt.server(o) })
			tt.good.URLs, tt.bad.URLs = []string{s.ClientURL()}, []string{s.ClientURL()}
			mustReach(t, tt.good, true)
			mustReach(t, tt.bad, false)
		})
	}
}

// credentials makes an operator, an account and a user, and returns the user's
// file and the server's settings.
func credentials(t *testing.T) (file string, settings func(*server.Options)) {
	t.Helper()
	operator, _ := nkeys.CreateOperator()
	account, _ := nkeys.CreateAccount()
	user, _ := nkeys.CreateUser()
	accountPublic, _ := account.PublicKey()
	operatorPublic, _ := operator.PublicKey()
	userPublic, _ := user.PublicKey()
	seed, _ := user.Seed()
	accountJWT, err := jwt.NewAccountClaims(accountPublic).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	userJWT, err := jwt.NewUserClaims(userPublic).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(userJWT, seed)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, func(o *server.Options) {
		resolver := &server.MemAccResolver{}
		if err := resolver.Store(accountPublic, accountJWT); err != nil {
			t.Error(err)
		}
		o.TrustedKeys, o.AccountResolver = []string{operatorPublic}, resolver
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newCert(t, dir, "ca", nil)
	serverCert, client, stranger := newCert(t, dir, "server", ca), newCert(t, dir, "client", ca), newCert(t, dir, "stranger", nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.leaf)
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) {
		o.JetStream = false
		o.TLSVerify = true
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{serverCert.pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	})
	url := []string{strings.Replace(s.ClientURL(), "nats://", "tls://", 1)}
	mustReach(t, ConnectConfig{URLs: url, CA: ca.cert, Cert: client.cert, Key: client.key}, true)
	mustReach(t, ConnectConfig{URLs: url, CA: ca.cert}, false)
	mustReach(t, ConnectConfig{URLs: url, CA: ca.cert, Cert: stranger.cert, Key: stranger.key}, false)
	mustReach(t, ConnectConfig{URLs: url, CA: stranger.cert, Cert: client.cert, Key: client.key}, false)
	mustReach(t, ConnectConfig{URLs: url, Cert: client.cert, Key: client.key}, false)
}

// TestTLSRotation: certificates and authorities that were replaced in their files are
// used at the next connection.
func TestTLSRotation(t *testing.T) {
	t.Parallel()
	files, port := t.TempDir(), freePort(t)
	run := func(generation string) (*server.Server, *testCert, *testCert) {
		dir := t.TempDir()
		ca := newCert(t, dir, "ca"+generation, nil)
		serverCert, client := newCert(t, dir, "server", ca), newCert(t, dir, "client", ca)
		pool := x509.NewCertPool()
		pool.AddCert(ca.leaf)
		return runServer(t, t.TempDir(), port, func(o *server.Options) {
			o.JetStream = false
			o.TLSVerify = true
			o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{serverCert.pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
		}), ca, client
	}
	put := func(ca, client *testCert) {
		for name, from := range map[string]string{"ca.pem": ca.cert, "client.pem": client.cert, "client.key": client.key} {
			text, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(filepath.Join(files, name), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	first, ca, client := run("1")
	put(ca, client)
	nc, err := Connect(ConnectConfig{
		URLs: []string{"tls://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))},
		CA:   filepath.Join(files, "ca.pem"), Cert: filepath.Join(files, "client.pem"), Key: filepath.Join(files, "client.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	checkFor(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
	first.Shutdown()
	first.WaitForShutdown()
	_, ca, client = run("2")
	put(ca, client)
	checkFor(t, 20*time.Second, func() error { return nc.FlushTimeout(time.Second) })
}

type testCert struct {
	cert, key string // files
	leaf      *x509.Certificate
	pair      tls.Certificate
}

// newCert makes a certificate for 127.0.0.1, signed by ca or by itself.
func newCert(t *testing.T, dir, name string, ca *testCert) *testCert {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: ca == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.leaf, ca.pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCert{cert: filepath.Join(dir, name+".pem"), key: filepath.Join(dir, name+".key")}
	for file, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: der}, c.key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c.pair, err = tls.LoadX509KeyPair(c.cert, c.key); err != nil {
		t.Fatal(err)
	}
	if c.leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConnectMistakes: what can be known without a server is said at once, and
// without the secret.
func TestConnectMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	account, _ := nkeys.CreateAccount()
	accountSeed, _ := account.Seed()
	url := []string{"nats://127.0.0.1:1"}
	for _, tt := range []struct {
		name string
		cfg  ConnectConfig
		want string
	}{
		{"no URL", ConnectConfig{}, "no URL"},
		{"no file of credentials", ConnectConfig{URLs: url, Credentials: filepath.Join(dir, "none")}, "reading the credentials"},
		{"not credentials", ConnectConfig{URLs: url, Credentials: empty}, "JWT and seed"},
		{"not a seed", ConnectConfig{URLs: url, NKeySeed: []byte("sekret")}, "not a seed"},
		{"an account's seed", ConnectConfig{URLs: url, NKeySeed: accountSeed}, "begins with SU"},
		{"no CA", ConnectConfig{URLs: url, CA: empty}, "no certificate in"},
		{"CA is not there", ConnectConfig{URLs: url, CA: filepath.Join(dir, "none")}, "reading the certificate authorities"},
		{"no certificate", ConnectConfig{URLs: url, Cert: empty, Key: empty}, "reading the client certificate"},
	} {
		nc, err := Connect(tt.cfg)
		if err == nil {
			nc.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestConnectBeforeTheServer: the gateway may start first.
func TestConnectBeforeTheServer(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	nc, err := Connect(ConnectConfig{URLs: []string{fmt.Sprintf("nats://127.0.0.1:%d", port)}})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	runServer(t, t.TempDir(), port, nil)
	checkFor(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
}
