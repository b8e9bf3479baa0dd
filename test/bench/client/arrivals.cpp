#include "arrivals.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds last_wait(30);
constexpr std::chrono::milliseconds pause_before_reconnect(20);

class Arrivals;

// One keep-alive connection, one request at a time.
class Client {
public:
    Client(asio::io_context &context, Arrivals &arrivals) : arrivals_(arrivals), socket_(context), timer_(context) {}

    void connect();
    void send(std::size_t number);

private:
    void answered(error_code ec);
    bool was_closed_while_idle(error_code ec) const;
    void reconnect_later();

    Arrivals &arrivals_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::response_parser<http::string_body>> parser_;
    std::string request_;
    std::size_t number_ = 0;
    bool has_answered_ = false; // since it was connected
    bool is_to_send_again_ = false;
};

class Arrivals {
public:
    Arrivals(const ArrivalOptions &options, std::size_t count, const std::function<Webhook(std::size_t)> &webhook)
        : options_(options), webhook_(webhook), count_(count), timer_(context_),
          address_(*tcp::resolver(context_).resolve(options.host, options.port).begin()) {
        for (std::size_t n = 0; n < count; ++n)
            results_.push_back({static_cast<float>(static_cast<double>(n) / options.rate), 0, 0});
        for (std::size_t i = 0; i < options.connections; ++i)
            clients_.push_back(std::make_unique<Client>(context_, *this));
    }

    std::vector<Arrival> run() {
        for (const auto &client : clients_)
            client->connect();
        start_ = Clock::now();
        send_due();
        context_.run();
        return std::move(results_);
    }

    const tcp::endpoint &address() const { return address_; }

    // Makes the bytes of a request.
    void request_text(std::size_t number, std::string &out) const {
        const Webhook webhook = webhook_(number);
        out.assign("POST ").append(options_.path).append(" HTTP/1.1\r\nHost: ").append(options_.host);
        out.append("\r\nContent-Type: application/json\r\nContent-Length: ");
        out.append(std::to_string(webhook.body.size())).append("\r\n").append(webhook.headers).append("\r\n");
        out.append(webhook.body);
    }

    void free(Client &client) {
        if (waiting_.empty()) {
            free_.push_back(&client);
            return;
        }
        const std::size_t number = waiting_.front();
        waiting_.pop_front();
        client.send(number);
    }

    void done(std::size_t number, unsigned code) {
        results_[number].code = code;
        results_[number].seconds = std::chrono::duration<float>(Clock::now() - due(number)).count();
        if (++done_ == count_)
            context_.stop();
    }

private:
    Clock::time_point due(std::size_t number) const {
        const std::chrono::duration<double> offset(static_cast<double>(number) / options_.rate);
        return start_ + std::chrono::duration_cast<Clock::duration>(offset);
    }

    void send_due() {
        const Clock::time_point now = Clock::now();
        for (; next_ < count_ && due(next_) <= now; ++next_) {
            if (free_.empty()) {
                waiting_.push_back(next_);
                continue;
            }
            Client &client = *free_.back();
            free_.pop_back();
            client.send(next_);
        }
        timer_.expires_at(next_ < count_ ? due(next_) : now + last_wait);
        timer_.async_wait([this](error_code ec) {
            if (ec)
                return;
            if (next_ < count_)
                send_due();
            else
                context_.stop();
        });
    }

    const ArrivalOptions &options_;
    const std::function<Webhook(std::size_t)> &webhook_;
    std::size_t count_;
    asio::io_context context_{1};
    asio::steady_timer timer_;
    tcp::endpoint address_;
    Clock::time_point start_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<Client *> free_;
    std::deque<std::size_t> waiting_;
    std::vector<Arrival> results_;
    std::size_t next_ = 0;
    std::size_t done_ = 0;
};

void Client::connect() {
    socket_.async_connect(arrivals_.address(), [this](error_code ec) {
        if (ec) {
            reconnect_later();
            return;
        }
        socket_.set_option(tcp::no_delay(true), ec);
        has_answered_ = false;
        if (std::exchange(is_to_send_again_, false))
            send(number_);
        else
            arrivals_.free(*this);
    });
}

void Client::reconnect_later() {
    error_code ignored;
    socket_.close(ignored);
    timer_.expires_after(pause_before_reconnect);
    timer_.async_wait([this](error_code ec) {
        if (!ec)
            connect();
    });
}

void Client::send(std::size_t number) {
    number_ = number;
    parser_.reset();
    arrivals_.request_text(number, request_);
    asio::async_write(socket_, asio::buffer(request_), [this](error_code ec, std::size_t) {
        if (ec) {
            answered(ec);
            return;
        }
        parser_.emplace();
        http::async_read(socket_, buffer_, *parser_,
                         [this](error_code read_error, std::size_t) { answered(read_error); });
    });
}

// A server may close a connection that has done nothing for long while the next request is on its way: clients then
// send it again (RFC 9112, section 9.3.1).
bool Client::was_closed_while_idle(error_code ec) const {
    return ec && has_answered_ && !(parser_ && parser_->got_some());
}

void Client::answered(error_code ec) {
    if (was_closed_while_idle(ec)) {
        is_to_send_again_ = true;
        buffer_.clear();
        error_code ignored;
        socket_.close(ignored);
        connect();
        return;
    }
    const bool goes_on = !ec && parser_->get().keep_alive();
    arrivals_.done(number_, ec ? 0 : parser_->get().result_int());
    if (goes_on) {
        has_answered_ = true;
        arrivals_.free(*this);
        return;
    }
    buffer_.clear();
    reconnect_later();
}

} // namespace

std::vector<Arrival> run_arrivals(const ArrivalOptions &options, std::size_t count,
                                  const std::function<Webhook(std::size_t)> &webhook) {
    return Arrivals(options, count, webhook).run();
}

} // namespace bench
