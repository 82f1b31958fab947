// What the app does with its tables, through the client that Prisma makes for it.
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL })
const prisma = new PrismaClient({ adapter })
const [act, sessionId] = process.argv.slice(2)

const saved = {
  projectName: 'Saved by the app',
  storageUrl: `https://old.example.com/builds/${sessionId}/build.tar.gz`,
  fileCount: 1,
  sizeBytes: 1n,
  buildMetadata: {},
}

const acts = {
  list: () =>
    prisma.buildSession.findMany({
      where: { expiresAt: { gt: new Date() } },
      orderBy: { createdAt: 'desc' },
      include: { files: true },
    }),
  save: () =>
    prisma.buildSession.upsert({
      where: { sessionId },
      update: { ...saved, userId: 'u1', appDescription: 'hers', lastAccessed: new Date() },
      create: { ...saved, sessionId },
    }),
  delete: () => prisma.buildSession.delete({ where: { sessionId } }),
  deleteMany: () => prisma.buildSession.deleteMany({}),
}

const found = await acts[act]()
const plain = (_, value) => (typeof value === 'bigint' ? `${value}n` : value)
console.log(JSON.stringify(found, plain))
await prisma.$disconnect()
