// An echo server on Go's net package: a goroutine for each connection.
//
// The runtime raises the limit on open files, the package sends at once and takes the backlog that
// the system allows.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// Bytes that are read at once at first. All of a buffer is cleared when it is made, which short-lived
// connections would feel.
const firstBufferLen = 4 * 1024

func main() {
	port := flag.Int("port", 0, "where to listen, on 127.0.0.1")
	workers := flag.Int("workers", 1, "threads that run Go code")
	maxBufferLen := flag.Int("buffer-size", 256*1024, "bytes that are read at once at most")
	flag.Parse()
	runtime.GOMAXPROCS(*workers)
	endOnSignals()
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	for {
		if conn, err := listener.Accept(); err == nil {
			go echo(conn, *maxBufferLen)
		}
	}
}

func endOnSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(0)
	}()
}

// Not io.Copy: that splices, which takes four system calls for a short message.
func echo(conn net.Conn, maxBufferLen int) {
	defer conn.Close()
	buffer := make([]byte, firstBufferLen)
	for {
		received, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err = conn.Write(buffer[:received]); err != nil {
			return
		}
		if received == len(buffer) && received < maxBufferLen {
			buffer = make([]byte, maxBufferLen)
		}
	}
}
