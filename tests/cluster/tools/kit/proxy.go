package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// proxy stands before the API server on a free port of 127.0.0.1, prints its address, and is healthy but for requests whose
// path and query hold MATCH:
//
//	deny     they are answered with 403 Forbidden
//	fail     they are answered with 500 Internal Server Error
//	slow=S   they are answered S seconds late
//	cut=N    their answer ends after N bytes, as if it were whole
//	hang=N   their answer stops after N bytes and the connection stays open
//	gone     the server is there no more, for this request and all after it
//
// It passes its own credentials on: the caller needs none.
func proxy(mode, match string) error {
	s, err := connect()
	if err != nil {
		return err
	}
	target, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	mode, amount, _ := strings.Cut(mode, "=")
	number := 0
	if amount != "" {
		if number, err = strconv.Atoi(amount); err != nil {
			return err
		}
	}
	healthy := &httputil.ReverseProxy{
		Transport: s.http.Transport,
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			request.Out.Header.Set("Authorization", "Bearer "+s.token)
			// What is cut must be what is said.
			request.Out.Header.Del("Accept-Encoding")
		},
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !strings.Contains(request.URL.RequestURI(), match) {
			healthy.ServeHTTP(w, request)
			return
		}
		switch mode {
		case "deny":
			refuse(w, http.StatusForbidden, "Forbidden")
		case "fail":
			refuse(w, http.StatusInternalServerError, "InternalError")
		case "slow":
			time.Sleep(time.Duration(number) * time.Second)
			healthy.ServeHTTP(w, request)
		case "cut", "hang":
			healthy.ServeHTTP(&stopping{ResponseWriter: w, left: number, hang: mode == "hang"}, request)
		case "gone":
			os.Exit(0)
		}
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, handler)
}

func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"this server is broken","reason":%q,"code":%d}`, reason, code)
}

// stopping takes a number of bytes and then no more.
type stopping struct {
	http.ResponseWriter
	left int
	hang bool
}

func (s *stopping) WriteHeader(code int) {
	s.Header().Del("Content-Length")
	s.ResponseWriter.WriteHeader(code)
}

func (s *stopping) Write(text []byte) (int, error) {
	whole := len(text)
	_, err := s.ResponseWriter.Write(text[:min(whole, s.left)])
	s.left -= min(whole, s.left)
	if s.left == 0 && s.hang {
		s.Flush()
		time.Sleep(time.Hour)
	}
	return whole, err
}

func (s *stopping) Flush() {
	if flusher, ok := s.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}
