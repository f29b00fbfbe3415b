package integration

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// cmdFinds has the doctor look at a configuration, and wants exactly these findings,
// with a cure for each, and the exit status that follows from them. "none" is none.
// What it prints for a person is then the output.
//
//	finds CODE[,CODE...] [FLAG...]
func cmdFinds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: finds CODE[,CODE...] [FLAG...]")
	}
	var want []string
	if args[0] != "none" {
		want = strings.Split(args[0], ",")
	}
	command := append([]string{"webhooks", "doctor"}, args[1:]...)
	if !slices.Contains(want, "store-filesystem") { // which may be that of the machine
		command = append(command, "--skip", "store-filesystem")
	}
	err := ts.Exec("caddy", append(slices.Clone(command), "--json")...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	status := 0
	if exit != nil {
		status = exit.ExitCode()
	}
	var report struct {
		Findings []cli.DoctorFinding
		Problems int
	}
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &report); err != nil {
		ts.Fatalf("%v", err)
	}
	if text := ts.ReadFile("stderr"); text != "" {
		ts.Fatalf("got %q on standard error, want nothing", text)
	}
	var got []string
	for _, f := range report.Findings {
		if f.Severity == cli.DoctorOK {
			continue
		}
		got = append(got, f.Code)
		if f.What == "" || f.Cure == "" && f.Code != "stream-note" {
			ts.Fatalf("got %+v, want what is wrong, and a cure", f)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		ts.Fatalf("got the findings %v, want %v", got, want)
	}
	if expected := map[bool]int{true: 1}[report.Problems > 0]; status != expected {
		ts.Fatalf("the exit status is %d with %d problems", status, report.Problems)
	}
	if err := ts.Exec("caddy", command...); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
}

// TestDoctorFindsAll: a script plants a fault for each code of the doctor.
func TestDoctorFindsAll(t *testing.T) {
	t.Parallel()
	planted := map[string]bool{}
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "doctor*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(archive.Comment)) {
			words := scriptWords(strings.TrimSpace(line))
			if len(words) > 0 && strings.HasPrefix(words[0], "[") {
				words = words[1:]
			}
			if len(words) > 1 && words[0] == "finds" {
				for code := range strings.SplitSeq(words[1], ",") {
					planted[code] = true
				}
			}
		}
	}
	for _, c := range cli.DoctorCodes {
		if !planted[c.Code] {
			t.Errorf("%s: no script has a fault for it", c.Code)
		}
		delete(planted, c.Code)
	}
	delete(planted, "none")
	if len(planted) > 0 {
		t.Errorf("scripts want findings that do not exist: %v", planted)
	}
}

// TestDoctorPage: docs/doctor.md has each code of the doctor with its cure, and no
// other.
func TestDoctorPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := cli.WriteDoctorCodes(&table, false); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(table.String()), "\n")
	var got []string
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| `") && strings.Count(line, "|") == 6 {
			got = append(got, line)
		}
	}
	for _, line := range want[2:] {
		if !slices.Contains(got, line) {
			t.Errorf("docs/doctor.md lacks\n%s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("docs/doctor.md has, and the doctor has not,\n%s", line)
		}
	}
}

// cmdCertify writes a certificate for a name, or an address, that signs itself
// and ends in so many days, and its key:
//
//	certify NAME CERT-FILE KEY-FILE DAYS
func cmdCertify(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: certify NAME CERT-FILE KEY-FILE DAYS")
	}
	days, err := strconv.Atoi(args[3])
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: args[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(args[0]); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{args[0]}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// cmdListening waits until somebody listens on each port:
//
//	listening PORT...
func cmdListening(ts *testscript.TestScript, neg bool, ports []string) {
	if neg || len(ports) == 0 {
		ts.Fatalf("usage: listening PORT...")
	}
	for _, port := range ports {
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
			if err == nil {
				ts.Check(c.Close())
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("%v", err)
			}
		}
	}
}

// runOldServer is the program `oldserver LISTEN SERVER VERSION`: it hands connections
// on to a NATS server, and has that say that it is of another version.
func runOldServer() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "oldserver:", err)
			os.Exit(1)
		}
	}
	if len(os.Args) != 4 {
		fail(errors.New("usage: oldserver LISTEN SERVER VERSION"))
	}
	l, err := net.Listen("tcp", os.Args[1])
	fail(err)
	version := regexp.MustCompile(`"version":"[^"]*"`)
	for {
		client, err := l.Accept()
		fail(err)
		go func() {
			defer func() { _ = client.Close() }()
			server, err := net.Dial("tcp", os.Args[2])
			if err != nil {
				return
			}
			defer func() { _ = server.Close() }()
			go func() { _, _ = io.Copy(server, client) }()
			in := bufio.NewReader(server)
			for {
				line, err := in.ReadBytes('\n')
				if bytes.HasPrefix(line, []byte("INFO ")) {
					line = version.ReplaceAll(line, []byte(`"version":"`+os.Args[3]+`"`))
				}
				if _, werr := client.Write(line); err != nil || werr != nil {
					return
				}
			}
		}()
	}
}
