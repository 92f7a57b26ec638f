// An echo server on Asio: a context per worker, each with its own acceptor, so that no lock is needed.

#include <sys/resource.h>

#include <algorithm>
#include <asio.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using asio::ip::tcp;

constexpr int backlog = 4096;

// Length of the first buffer of a connection, and the maximum. A long first buffer would slow down
// short-lived connections.
constexpr std::size_t first_buffer_len = 4 * 1024;
static std::size_t max_buffer_len = 256 * 1024;

class Connection : public std::enable_shared_from_this<Connection> {
public:
    explicit Connection(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(
            asio::buffer(buffer_.get(), len_),
            [self = shared_from_this()](std::error_code error, std::size_t received) {
                if (!error) self->write(received);
            });
    }

private:
    void write(std::size_t len) {
        asio::async_write(socket_, asio::buffer(buffer_.get(), len),
                          [self = shared_from_this()](std::error_code error, std::size_t sent) {
                              if (error) return;
                              if (sent == self->len_) self->grow();
                              self->read();
                          });
    }

    void grow() {
        if (len_ == max_buffer_len) return;
        len_ = max_buffer_len;
        buffer_.reset(new char[len_]);
    }

    tcp::socket socket_;
    std::size_t len_ = std::min(first_buffer_len, max_buffer_len);
    // `make_unique` would clear the buffer.
    std::unique_ptr<char[]> buffer_{new char[len_]};
};

class Worker {
public:
    Worker(unsigned short port, bool is_shared) : acceptor_(context_) {
        using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
        acceptor_.open(tcp::v4());
        acceptor_.set_option(tcp::acceptor::reuse_address(true));
        acceptor_.set_option(reuse_port(is_shared));
        // Connections inherit this option.
        acceptor_.set_option(tcp::no_delay(true));
        acceptor_.bind({asio::ip::address_v4::loopback(), port});
        acceptor_.listen(backlog);
        accept();
    }

    void run() { context_.run(); }

private:
    void accept() {
        acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
            if (!error) std::make_shared<Connection>(std::move(socket))->read();
            accept();
        });
    }

    // Only one thread uses the context.
    asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};
    tcp::acceptor acceptor_;
};

static void end(int) { std::_Exit(0); }

static void raise_limit() {
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) try {
    unsigned short port = 0;
    int workers = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::string(argv[i]) == "--port") port = std::stoi(argv[i + 1]);
        if (std::string(argv[i]) == "--workers") workers = std::stoi(argv[i + 1]);
        if (std::string(argv[i]) == "--buffer-size") max_buffer_len = std::stoul(argv[i + 1]);
    }
    std::signal(SIGINT, end);
    std::signal(SIGTERM, end);
    raise_limit();
    std::list<Worker> all;
    for (int i = 0; i < workers; i++) all.emplace_back(port, workers > 1);
    std::vector<std::thread> threads;
    for (Worker &worker : all) threads.emplace_back([&worker] { worker.run(); });
    for (std::thread &thread : threads) thread.join();
} catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
}
