// An echo server on Go's net package: a goroutine for each connection.
//
// The runtime raises the limit on open files. The package sends without delay and takes the largest
// backlog that the system allows.
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

// Length of the first buffer of a connection. Go clears a new buffer, so a long one would slow down
// short-lived connections.
const firstBufferLen = 4 * 1024

func main() {
	port := flag.Int("port", 0, "port to listen on, on 127.0.0.1")
	workers := flag.Int("workers", 1, "number of threads that run Go code")
	maxBufferLen := flag.Int("buffer-size", 256*1024, "maximum number of bytes that are read at once")
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

// Echoes without io.Copy, because io.Copy splices, which takes four system calls for a short message.
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
