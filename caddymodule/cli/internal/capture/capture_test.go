package capture

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// text writes what was read in a few lines: method and URL, headers, and the body in
// quotes.
func text(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], " | "))
	}
	fmt.Fprintf(&b, "%q", r.Body)
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		format   Format
		want     string
		note     string
	}{
		{
			"raw with CRLF", "POST /in?a=1 HTTP/1.1\r\nHost: h.example.com\r\nContent-Length: 3\r\nx-a:  1 \r\nX-A: 2\r\n\r\na\r\n", Raw,
			"POST https://h.example.com/in?a=1\nContent-Length: 3\nX-A: 1 | 2\n\"a\\r\\n\"", "",
		},
		{"raw with LF", "PUT /in HTTP/2\nhost: h\n\n{}\n", Raw, "PUT https://h/in\n\"{}\\n\"", ""},
		{"raw, body too long", "POST /in HTTP/1.1\nhost: h\nContent-Length: 2\n\n{}\n", Raw, "POST https://h/in\nContent-Length: 2\n\"{}\\n\"", "the body has 3 bytes, 1 more than Content-Length says"},
		{"raw, body cut", "POST /in HTTP/1.1\nhost: h\nContent-Length: 9\n\n{}", Raw, "POST https://h/in\nContent-Length: 9\n\"{}\"", "7 less"},
		{"raw with a URL", "POST http://h.example.com:81/in HTTP/1.1\n\n", Raw, "POST http://h.example.com:81/in\n\"\"", ""},
		{"raw without version", "POST /in\nHost: h\n\nx", Raw, "POST https://h/in\n\"x\"", ""},
		{"raw with folded header", "POST /in HTTP/1.1\nHost: h\nX-A: 1,\n  2\n\nx", Raw, "POST https://h/in\nX-A: 1, 2\n\"x\"", "folded"},
		{"raw without host", "POST /in HTTP/1.1\n\nx", Raw, "POST https:///in\n\"x\"", "which host"},
		{"headers alone", "Host: h\nX-A: 1\n\nx", Raw, "POST https://h\nX-A: 1\n\"x\"", "no request line"},
		{"byte order mark", "\ufeffPOST /in HTTP/1.1\nHost: h\n\nx", Raw, "POST https://h/in\n\"x\"", ""},
		{
			"pseudo headers", ":authority: h.example.com\n:method: POST\n:path: /in\n:scheme: http\nx-a: 1\n\nx", Raw,
			"POST http://h.example.com/in\nX-A: 1\n\"x\"", "",
		},
		{
			"pseudo headers over two lines", ":authority\nh.example.com\n:method\nPOST\n:path\n/in\n:scheme\nhttps\nx-a: 1\n\nx", Raw,
			"POST https://h.example.com/in\nX-A: 1\n\"x\"", "",
		},
		{
			"chunked", "POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", Raw,
			"POST https://h/in\nTransfer-Encoding: chunked\n\"abcde\"", "",
		},
		{
			"chunked and decoded", "POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{}", Raw,
			"POST https://h/in\nTransfer-Encoding: chunked\n\"{}\"", "",
		},
		{
			"har", `{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05.000Z","request":{"method":"POST","url":"https://h/in","headers":[{"name":":method","value":"POST"},{"name":"content-type","value":"a/b"}],"postData":{"mimeType":"a/b","text":"{\"a\":1}\n"}}}]}}`, HAR,
			"POST https://h/in\nContent-Type: a/b\n\"{\\\"a\\\":1}\\n\"", "",
		},
		{
			"har in base64", `{"log":{"entries":[{"request":{"method":"POST","url":"https://h/in","headers":[],"postData":{"mimeType":"a/b","encoding":"base64","text":"/wA="}}}]}}`, HAR,
			"POST https://h/in\nContent-Type: a/b\n\"\\xff\\x00\"", "",
		},
		{
			"har with params", `{"log":{"entries":[{"request":{"method":"POST","url":"https://h/in","postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a b","value":"1&2"},{"name":"c","value":""}]}}}]}}`, HAR,
			"POST https://h/in\nContent-Type: application/x-www-form-urlencoded\n\"a+b=1%262&c=\"", "put together from params",
		},
		{
			"har that lost bytes", `{"log":{"entries":[{"request":{"method":"POST","url":"https://h/in","postData":{"text":"\ufffd"}}}]}}`, HAR,
			"POST https://h/in\n\"\ufffd\"", "bytes that are no UTF-8 were lost",
		},
		{"curl", `curl -X POST https://h/in -H 'X-A: 1' -H "X-B: \"2\"" --data-raw '{"a":"@x"}'`, Curl, "POST https://h/in\nContent-Type: application/x-www-form-urlencoded\nX-A: 1\nX-B: \"2\"\n\"{\\\"a\\\":\\\"@x\\\"}\"", ""},
		{"curl over several lines", "$ curl 'https://h/in' \\\n  -H 'content-type: application/json' \\\n  --data-binary $'{\"a\":\"\\u00e9\\n\\'\\x41\\101\"}' \\\n  --compressed\n", Curl, "POST https://h/in\nAccept-Encoding: deflate, gzip, br, zstd\nContent-Type: application/json\n\"{\\\"a\\\":\\\"é\\n'AA\\\"}\"", ""},
		{"curl with surrogates", `curl h -d $'\ud83d\ude00'`, Curl, "POST http://h/\nContent-Type: application/x-www-form-urlencoded\n\"😀\"", ""},
		{"curl, parts", `curl -sSd a=1 --data-urlencode 'b=x y&é' --data-urlencode '=c/' -d 'd' h.example.com/in`, Curl, "POST http://h.example.com/in\nContent-Type: application/x-www-form-urlencoded\n\"a=1&b=x%20y%26%C3%A9&c%2F&d\"", ""},
		{"curl --get", `curl -G -d a=1 -d b=2 'https://h/in?c=3'`, Curl, "GET https://h/in?c=3&a=1&b=2\n\"\"", ""},
		{"curl --json", `curl --json '{"a":' --json '1}' https://h/in`, Curl, "POST https://h/in\nAccept: application/json\nContent-Type: application/json\n\"{\\\"a\\\":1}\"", ""},
		{"curl -u", `curl -u 'user:pass word' -XPUT https://h/in`, Curl, "PUT https://h/in\nAuthorization: Basic dXNlcjpwYXNzIHdvcmQ=\n\"\"", ""},
		{"curl with headers without and with no value", `curl https://h/in -d a -H 'X-Empty;' -H 'Content-Type:' -H 'Host: other:8080'`, Curl, "POST https://other:8080/in\nX-Empty: \n\"a\"", ""},
		{"curl with files", `curl https://h/in -d @lines --data-binary @lines --data-urlencode n@lines`, Curl, "POST https://h/in\nContent-Type: application/x-www-form-urlencoded\n\"ab&a\\nb\\n&n=a%0Ab%0A\"", ""},
		{"curl, end of the command", "curl https://h/in -d 'a' # said\n-d b", Curl, "POST https://h/in\nContent-Type: application/x-www-form-urlencoded\n\"a\"", ""},
		{"curl of cmd.exe", "curl ^\"https://h/in?a=1^&b=2^\" ^\r\n  -H ^\"x-a: 1^\" ^\r\n  --data-raw ^\"{^\\^\"a^\\^\":^\\^\"50%% ^^^\\^\"}^\"", Curl, "POST https://h/in?a=1&b=2\nContent-Type: application/x-www-form-urlencoded\nX-A: 1\n\"{\\\"a\\\":\\\"50% ^\\\"}\"", ""},
		{"curl, old of cmd.exe", "curl.exe \"https://h/in\" ^\n -H \"x-a: 1\" --data-binary \"{\\\"a\\\":1}\"", Curl, "POST https://h/in\nContent-Type: application/x-www-form-urlencoded\nX-A: 1\n\"{\\\"a\\\":1}\"", ""},
		{"sign --curl of bytes", "base64 -d <<'END' | curl 'https://h/in' \\\n  --header 'Content-Type: a/b' \\\n  --data-binary @-\n/wD/\nAAo=\nEND\n", Curl, "POST https://h/in\nContent-Type: a/b\n\"\\xff\\x00\\xff\\x00\\n\"", ""},
		{"sign", `{"method":"POST","url":"https://h/in","headers":{"X-A":"1","X-B":["2","3"]},"body":"{}"}`, JSON, "POST https://h/in\nX-A: 1\nX-B: 2 | 3\n\"{}\"", ""},
		{"quarantine", `{"sequence":7,"tenant":"default","provider":"stripe","received":"2026-01-02T03:04:05Z","method":"POST","url":"https://h/in","headers":{"X-A":["1"]},"redacted":["Cookie"],"body_base64":"e30="}`, JSON, "POST https://h/in\nX-A: 1\n\"{}\"", ""},
		{"tail", `{"stream":"WEBHOOKS","seq":3,"time":"2026-01-02T03:04:05Z","subject":"wh.v1.default.stripe.x","headers":{"ce-source":["https://h/in"],"ce-datacontenttype":["application/json"],"ce-whprovider":["stripe"],"Wh-H-X-A":["100%25"]},"payload":"{}\n"}`, JSON, "POST https://h/in\nContent-Type: application/json\nX-A: 100%25\n\"{}\\n\"", "only the headers that consumers get"},
		{"tail of quarantine", `{"stream":"Q","seq":3,"time":"2026-01-02T03:04:05Z","headers":{"Wh-Kept":["` + base64.StdEncoding.EncodeToString([]byte(`{"method":"PUT","url":"https://h/x","header":{"X-A":["1"]},"redacted":["Cookie"]}`)) + `"]},"payload_base64":"/wA="}`, JSON, "PUT https://h/x\nX-A: 1\n\"\\xff\\x00\"", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read := func(name string) ([]byte, error) {
				if name != "lines" {
					return nil, os.ErrNotExist
				}
				return []byte("a\nb\n"), nil
			}
			list, format, err := Parse([]byte(tt.in), Options{ReadFile: read})
			if err != nil || format != tt.format || len(list) != 1 {
				t.Fatalf("got %d requests as %s: %v, want one as %s", len(list), format, err, tt.format)
			}
			if got := text(&list[0]); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if notes := strings.Join(list[0].Notes, "; "); !strings.Contains(notes, tt.note) {
				t.Errorf("the notes are %q, want %q among them", notes, tt.note)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	har := func(entry string) string { return `{"log":{"entries":[` + entry + `]}}` }
	for _, tt := range []struct {
		in, want string
		format   Format
	}{
		{"", "empty", ""},
		{"\n \n", "empty", ""},
		{"hello", "neither an HTTP request", ""},
		{"POST /in HTTP/1.1\nno header\n\n", "line 2: \"no header\" is not a header", ""},
		{"POST /in HTTP/1.1\nH ost: h\n\n", "line 2: \"H ost\" is not the name of a header", ""},
		{"POST in HTTP/1.1\nHost: h\n\n", "is not the target", ""},
		{"POST /in HTTP/1.1\nHost: h/x\n\n", "is not a host", ""},
		{"POST ftp://h/in HTTP/1.1\n\n", "is not a scheme", ""},
		{"\x00\x01", "line 1", Raw},
		{`{"log":{}}`, "no request in it", ""},
		{`{"log":{"entries":1}}`, "not the JSON", ""},
		{`{"log":`, "unexpected end of JSON", ""},
		{har(`{}`), "entry 1: unreadable capture: it has no request", ""},
		{har(`{"startedDateTime":"yesterday","request":{"url":"https://h"}}`), "not a time", ""},
		{har(`{"request":{"method":"POST","url":"https://h","headers":[{"name":"","value":""}]}}`), "name of a header", ""},
		{har(`{"request":{"method":"POST","url":"https://h","postData":{"encoding":"base64","text":"!"}}}`), "not base64", ""},
		{har(`{"request":{"method":"POST","url":"https://h","postData":{"mimeType":"multipart/form-data","params":[{"name":"a"}]}}}`), "params only", ""},
		{har(`{"request":{"method":"POST","url":"h"}}`), "target", ""},
		{`{}`, "no members method", ""},
		{`{"sequence":7,"kind":"schema"}`, "quarantine show 7 --json", ""},
		{`{"sequence":7,"body_base64":""}`, "was not kept", ""},
		{`{"sequence":7,"method":"POST","url":"https://h","batch":{"index":1},"body_base64":""}`, "one event of a batch", ""},
		{`{"method":"POST","url":"https://h","headers":{"A":1}}`, "header", ""},
		{`{"stream":"S","seq":1,"payload_error":"gone"}`, "gone", ""},
		{`{"stream":"S","seq":1,"headers":{"ce-dataref":["x"]},"payload":""}`, "--fetch", ""},
		{`{"stream":"S","seq":1,"headers":{"ce-whbatch":["x"]},"payload":""}`, "one event of a batch", ""},
		{`{"stream":"S","seq":1,"headers":{"Wh-Kept":["!"]},"payload":""}`, "Wh-Kept", ""},
		{"curl", "no URL", ""},
		{"curl https://a https://b", "2 URLs", ""},
		{"curl https://a -d @x", "--allow-files", ""},
		{"curl https://a -F a=b", "multipart", ""},
		{"curl https://a -H @x", "--allow-files", ""},
		{"curl https://a -H nonsense", "is not a header", ""},
		{"curl https://a -d", "has no value", ""},
		{"curl https://a --what", "is not known here", ""},
		{"curl https://a -u me", "password", ""},
		{"curl https://a -T x", "uploaded", ""},
		{"curl https://a --next", "another request", ""},
		{"curl https://a -H \"A: $TOKEN\"", "$TOKEN would be expanded by the shell", ""},
		{"curl \\\nhttps://a -H \"A: `id`\"", "line 2: `...` would be expanded", ""},
		{"curl https://a -H $(id)", "$(...) would be expanded", ""},
		{"curl https://a -d 'x", "line 1: the single quote is not closed", ""},
		{"curl https://a -d \"x", "line 1: the double quote is not closed", ""},
		{"curl https://a --json 1 -d 2", "do not go together", ""},
		{"wget https://a", "not a curl command", Curl},
	} {
		_, _, err := Parse([]byte(tt.in), Options{Format: tt.format})
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.in, err, tt.want)
		}
		if strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%q: the error has several lines: %v", tt.in, err)
		}
	}
	if _, _, err := Parse(make([]byte, Limit+1), Options{}); !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "32 MiB") {
		t.Errorf("too large: %v", err)
	}
}

// TestSeveral checks what has several requests.
func TestSeveral(t *testing.T) {
	t.Parallel()
	har := `{"log":{"version":"1.2","entries":[{"request":{"method":"GET","url":"https://h/1"}},{"request":{"method":"POST","url":"https://h/2"}}]}}`
	lines := `{"stream":"S","seq":4,"headers":{},"payload":"a"}` + "\n" + `{"stream":"S","seq":9,"headers":{},"payload":"b"}` + "\n"
	for in, want := range map[string]string{har: "entry 1,entry 2", lines: "sequence 4,sequence 9"} {
		list, _, err := Parse([]byte(in), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, r := range list {
			labels = append(labels, r.Label)
		}
		if got := strings.Join(labels, ","); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzParse checks that nothing that is read panics, and that what is accepted can
// be judged: it has a method and a URL.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		":authority\nh\n:method\nPOST\n\n{}",
		`{"log":{"entries":[{"request":{"method":"POST","url":"https://h/in","headers":[{"name":"a","value":"b"}],"postData":{"mimeType":"a/b","params":[{"name":"a"}],"text":"x"}}}]}}`,
		`curl -sSXPOST "https://h/in" -H $'a: \u00e9\ud83d\ude00\cA\0' -d "\"\$" --data-urlencode 'a=b'`,
		"curl ^\"https://h^\" ^\n\n -d ^\"{^\\^\"a^\\^\":1}^\"",
		`{"sequence":7,"method":"POST","url":"https://h","headers":{"A":["b"],"C":"d"},"body_base64":"e30="}`,
		`{"stream":"S","seq":1,"headers":{"Wh-Kept":["e30="],"Wh-H-A":["b"]},"payload":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	read := func(string) ([]byte, error) { return []byte("file"), nil }
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range append([]Format{""}, Formats...) {
			list, _, err := Parse(data, Options{Format: format, ReadFile: read})
			if err != nil {
				if !errors.Is(err, ErrUnreadable) {
					t.Errorf("%s: %v is no ErrUnreadable", format, err)
				}
				continue
			}
			for _, r := range list {
				if r.URL == nil || r.Method == "" || r.Header == nil {
					t.Errorf("%s: got %+v", format, r)
				}
			}
		}
	})
}

// FuzzWords checks that a word in single quotes is read as it is.
func FuzzWords(f *testing.F) {
	f.Add(`{"a": "b\n$x"}`)
	f.Fuzz(func(t *testing.T, value string) {
		quoted := "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		list, _, err := words("curl " + quoted)
		if err != nil || len(list) != 2 || list[1] != value {
			t.Errorf("got %q: %v, want %q", list, err, value)
		}
	})
}
