"""Databases on a private server, and connections to them."""

import contextlib
import itertools

import psycopg2


class Database:
    """A database on the private server, dropped with it."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def connect(self, **options):
        """Returns an autocommit connection."""
        connection = psycopg2.connect(self.server.conninfo(self.name), **options)
        connection.autocommit = True
        return connection

    def query(self, sql, parameters=None):
        """Runs one statement on a connection of its own and returns its rows, or None where it has none."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None


class Server:
    def __init__(self, pg):
        self.pg = pg
        self.numbers = itertools.count(1)

    def conninfo(self, database):
        return self.pg.conninfo(database)

    def create_database(self, installed=True, options=""):
        """Makes a new database, with the extension and its tables unless told otherwise."""
        database = Database(self, f"property{next(self.numbers)}")
        Database(self, "postgres").query(f"CREATE DATABASE {database.name} {options}")
        if installed:
            database.query("CREATE EXTENSION msgstatus; SELECT msgstatus.install()")
        return database
